// Shows what the sandbox was asked and what it answered. What requests say gets to the page as text alone.

const RETRY_MS = 1000;
const NEWS_MS = 1000;
const LONGEST_ALT = 150;

// What can't be seen, or changes the order of what can; the two joiners and line breaks aside, which many scripts need.
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;
const CONTROL_PICTURES = 0x2400;
const LAST_CONTROL = 0x1f;
const DELETE = 0x7f;

const find = (id) => document.getElementById(id);
const cards = new Map();
let run;

// ---- text ------------------------------------------------------------------------------------------------------------

function symbol(character) {
  const code = character.codePointAt(0);
  if (code <= LAST_CONTROL) return String.fromCodePoint(CONTROL_PICTURES + code);
  if (code === DELETE) return "\u2421";
  return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
}

const visible = (text) => text.replace(UNSEEN, symbol);

function write(element, text) {
  const nodes = [];
  let written = 0;
  for (const { 0: character, index } of text.matchAll(UNSEEN)) {
    nodes.push(text.slice(written, index), make("span", "control", symbol(character)));
    written = index + character.length;
  }
  element.replaceChildren(...nodes, text.slice(written));
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function shortened(text) {
  const line = visible(text).replace(/\s+/gu, " ").trim();
  const letters = Array.from(line.slice(0, 2 * LONGEST_ALT));
  return letters.length > LONGEST_ALT ? `${letters.slice(0, LONGEST_ALT).join("")}…` : line;
}

const counted = (number, noun) => `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;

function size(bytes) {
  if (bytes < 1024) return counted(bytes, "byte");
  const kilo = bytes / 1024;
  return kilo < 1024 ? `${kilo.toFixed(kilo < 10 ? 1 : 0)} KiB` : `${(kilo / 1024).toFixed(1)} MiB`;
}

function described(image) {
  const sides = image.width ? `${image.width} × ${image.height}` : null;
  return [image.type?.replace("image/", ""), sides, image.bytes == null ? null : size(image.bytes)].filter(Boolean).join(", ");
}

const route = (request) => `${request.method} ${request.path}`;
const title = (request) => (request.about?.trim() ? request.about : route(request));
const isSettled = (request) => request.seconds != null;
const isBad = (request) => request.error != null || request.status >= 400 || (isSettled(request) && !request.status);
const isFailed = (request) => isBad(request) || request.fault != null;
const asksForImages = (request) => request.operation != null || isFailed(request) || request.method === "POST";

function statusText(request) {
  const answer = request.status ?? (isSettled(request) ? "no answer" : "waiting");
  return request.error == null ? `${answer}` : `${answer} ${request.error}`;
}

// ---- pictures --------------------------------------------------------------------------------------------------------

function picture(image, overlays, alt, isLazy) {
  const frame = make("span", "picture");
  frame.style.setProperty("--ratio", image.width ? `${image.width} / ${image.height}` : "1");
  const shown = make("img", "");
  shown.alt = alt;
  shown.decoding = "async";
  if (isLazy) shown.loading = "lazy";
  shown.src = image.url;
  shown.addEventListener("error", () => {
    frame.classList.add("missing");
    frame.replaceChildren(`Not kept any more, or not for browsers: ${alt}`);
  });
  frame.append(shown, ...overlays.map(overlay));
  return frame;
}

// Of a mask, what is transparent is marked; what else lies over a picture is shown as it is.
function overlay(image) {
  if (image.overlay !== "mask") {
    const over = make("img", "over");
    over.alt = "";
    over.src = image.url;
    return over;
  }
  const marked = make("span", "over mask");
  marked.style.maskImage = `linear-gradient(#000, #000), url("${image.url}")`;
  return marked;
}

function opener(image, overlays, alt) {
  const button = make("button", "opener");
  button.type = "button";
  button.setAttribute("aria-haspopup", "dialog");
  button.append(picture(image, overlays, alt, true));
  button.addEventListener("click", () => {
    find("viewer-picture").replaceChildren(picture(image, overlays, alt, false));
    find("viewer-caption").textContent = [alt, described(image)].filter(Boolean).join(" · ");
    find("viewer-link").href = image.url;
    find("viewer").showModal();
  });
  return button;
}

find("viewer-close").addEventListener("click", () => find("viewer").close());
find("viewer").addEventListener("click", (event) => {
  if (event.target === find("viewer")) find("viewer").close();
});
find("viewer").addEventListener("close", () => find("viewer-picture").replaceChildren());

// ---- a request -------------------------------------------------------------------------------------------------------

class Card {
  constructor(request) {
    this.element = find("card").content.firstElementChild.cloneNode(true);
    this.part = (name) => this.element.querySelector(name);
    this.shown = { made: 0, sent: 0 };
    this.parameters = "";
    const heading = this.part("h3");
    heading.id = `request-${request.number}`;
    this.part("article").setAttribute("aria-labelledby", heading.id);
    this.show(request);
  }

  show(request) {
    this.request = request;
    this.element.classList.toggle("failed", isFailed(request));
    this.element.classList.toggle("faulted", request.fault != null);
    this.element.classList.toggle("waiting", !isSettled(request));
    this.element.classList.toggle("other", !asksForImages(request));
    write(this.part(".about"), title(request));
    const kind = isBad(request) ? "bad" : isSettled(request) ? "good" : "waiting";
    for (const part of [".status", ".instead"]) this.part(part).dataset.kind = kind;
    write(this.part(".status"), statusText(request));
    write(this.part(".fault"), request.fault == null ? "" : `fault: ${request.fault}`);
    this.showFacts(request);
    this.showMade(request);
    this.showSent(request);
    this.showParameters(request);
  }

  showFacts(request) {
    const time = this.part("time");
    time.textContent = new Date(request.at).toLocaleTimeString([], { hourCycle: "h23" });
    time.dateTime = request.at;
    const facts = [
      `#${request.number}`,
      request.operation,
      request.made_in_all ? counted(request.made_in_all, "image") : null,
      request.seconds == null ? null : `${request.seconds.toFixed(request.seconds < 10 ? 2 : 0)} s`,
    ].filter(Boolean);
    this.part(".facts").replaceChildren(...facts.map((fact) => make("span", "", visible(fact))), time);
  }

  showMade(request) {
    const made = this.part(".made");
    made.dataset.count = Math.min(request.made.length, 10);
    const about = shortened(title(request));
    this.append("made", request.made, (image, index) => opener(image, [], `Image ${index + 1} made for: ${about}`));
    const instead = this.part(".instead");
    instead.hidden = request.made.length > 0;
    const words = { good: "No image", waiting: "Waiting for the answer…", bad: request.status ?? "—" };
    instead.textContent = words[instead.dataset.kind];
  }

  showSent(request) {
    const overlays = request.sent.filter((image) => image.overlay);
    const images = request.sent.filter((image) => !image.overlay);
    this.part(".sent").hidden = request.sent.length === 0;
    this.append("sent", images.length ? images : overlays, (image, index) => {
      const over = index === 0 && images.length ? overlays : [];
      const names = visible([image, ...over].map((one) => one.parameter).join(" + "));
      const figure = make("figure", "");
      const file = shortened(image.name) || "without a name";
      figure.append(opener(image, over, `Sent as ${names}: ${file}`), make("figcaption", "", names));
      return figure;
    });
  }

  // What is there already stays: images only ever come to it.
  append(kind, images, create) {
    const fresh = images.slice(this.shown[kind]).map((image, index) => create(image, this.shown[kind] + index));
    this.part(`.${kind}`).append(...fresh);
    this.shown[kind] = Math.max(this.shown[kind], images.length);
  }

  showParameters(request) {
    const parameters = JSON.stringify(request.parameters);
    if (parameters === this.parameters) return;
    this.parameters = parameters;
    this.part("details").hidden = request.parameters.length === 0;
    this.part("summary").textContent = counted(request.parameters.length, "parameter");
    this.part("dl").replaceChildren(
      ...request.parameters.map(({ name, value, json }) => {
        const row = make("div", "");
        const [term, text, definition] = [make("dt", ""), make("bdi", json ? "json" : ""), make("dd", "")];
        text.dir = "auto";
        write(term, name);
        write(text, value);
        definition.append(text);
        row.append(term, definition);
        return row;
      }),
    );
  }
}

// ---- all of them -----------------------------------------------------------------------------------------------------

function put(request) {
  const card = cards.get(request.number);
  const wasSettled = card != null && isSettled(card.request);
  if (card) {
    card.show(request);
  } else {
    const list = find("cards");
    const fresh = new Card(request);
    const later = Array.from(list.children).find((element) => Number(element.dataset.number) < request.number);
    fresh.element.dataset.number = request.number;
    list.insertBefore(fresh.element, later ?? null);
    cards.set(request.number, fresh);
  }
  const endedAt = Date.parse(request.at) + 1000 * (request.seconds ?? 0);
  if (isSettled(request) && !wasSettled && asksForImages(request) && endedAt >= performance.timeOrigin) tell(request);
}

function dropBefore(oldest) {
  for (const [number, card] of cards) {
    if (number >= oldest) continue;
    if (card.element.contains(document.activeElement)) find("requests").focus();
    card.element.remove();
    cards.delete(number);
  }
}

function countThem() {
  const show = find("cards").dataset.show;
  const shown = Array.from(cards.values(), ({ request }) => request).filter(
    { images: asksForImages, failed: isFailed, all: () => true }[show],
  );
  find("count").textContent = cards.size ? shown.length.toLocaleString() : "";
  find("empty").hidden = cards.size > 0;
  find("none").hidden = cards.size === 0 || shown.length > 0;
}

find("filter").addEventListener("change", (event) => {
  find("cards").dataset.show = event.target.value;
  countThem();
});

// ---- news for those who hear the page --------------------------------------------------------------------------------

let untold = [];

function tell(request) {
  if (untold.length === 0) setTimeout(tellAll, NEWS_MS);
  untold.push(request);
}

function tellAll() {
  const [first, ...others] = untold;
  const failed = untold.filter(isFailed).length;
  const fault = first.fault == null ? "" : `, fault ${first.fault}`;
  const outcome = `${statusText(first)}, ${counted(first.made_in_all, "image")}${fault}`;
  if (others.length) say(`${untold.length} requests answered${failed ? `, ${failed} of them failed` : ""}.`);
  else say(`Request ${first.number}, ${shortened(title(first))}: ${outcome}.`);
  untold = [];
}

function say(text) {
  find("news").textContent = visible(text);
}

// ---- faults ----------------------------------------------------------------------------------------------------------

let kinds = {};

function showKinds(told) {
  kinds = told;
  const select = find("fault-kind");
  const chosen = select.value;
  select.replaceChildren(...Object.keys(kinds).map((kind) => new Option(kind)));
  if (chosen in kinds) select.value = chosen;
  else choose();
}

// What is chosen may be written on: `429; retry-after=1`.
function choose() {
  const kind = find("fault-kind").value;
  find("fault-words").value = kind;
  find("fault-help").textContent = kinds[kind] ?? "";
}

function showArmed(armed) {
  const hadFocus = document.activeElement === find("disarm");
  find("armed").hidden = armed.length === 0;
  const runs = [];
  for (const fault of armed) {
    if (runs.at(-1)?.fault === fault) runs.at(-1).times += 1;
    else runs.push({ fault, times: 1 });
  }
  find("armed-list").replaceChildren(
    ...runs.map(({ fault, times }) => make("li", "", visible(fault) + (times === 1 ? "" : ` × ${times}`))),
  );
  if (hadFocus && armed.length === 0) find("fault-kind").focus();
}

async function ask(method, order) {
  find("fault-error").textContent = "";
  try {
    const request = { method, headers: { "content-type": "application/json" }, body: order && JSON.stringify(order) };
    const answer = await fetch("/_sandbox/faults", request);
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error.message);
    showArmed(said.armed);
    return true;
  } catch (error) {
    find("fault-error").textContent = visible(error.message);
    return false;
  }
}

find("fault-kind").addEventListener("change", choose);
find("fault-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const fault = find("fault-words").value;
  const times = find("fault-times").valueAsNumber;
  if (await ask("POST", { fault, times })) say(`Armed: ${fault}, for ${counted(times, "request")}.`);
});
find("disarm").addEventListener("click", async () => {
  if (await ask("DELETE")) say("No fault is armed.");
});

// ---- what to copy ----------------------------------------------------------------------------------------------------

function showBase(path) {
  const baseUrl = location.origin + path;
  find("base-url").textContent = baseUrl;
  find("snippet").textContent = [
    "from images_api import ImagesClient",
    `ImagesClient(base_url="${baseUrl}").generate("an otter").save("otter.png")`,
  ].join("\n");
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = find(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
      say("Copied.");
    } catch {
      // A browser lets no page on another machine write there: what is selected can be copied by hand.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
      say("Selected, to be copied.");
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

// ---- events ----------------------------------------------------------------------------------------------------------

function take(said) {
  if (said.run !== undefined && said.run !== run) {
    dropBefore(Infinity);
    run = said.run;
  }
  if (said.base !== undefined) showBase(said.base);
  if (said.kinds) showKinds(said.kinds);
  if (said.armed) showArmed(said.armed);
  if (said.oldest) dropBefore(said.oldest);
  said.requests?.forEach(put);
  countThem();
}

function showConnection(state, text) {
  const connection = find("connection");
  if (connection.dataset.state === state) return;
  connection.dataset.state = state;
  connection.textContent = text;
}

function connect() {
  const source = new EventSource("/_sandbox/events");
  source.addEventListener("open", () => showConnection("live", "Live"));
  source.addEventListener("message", (event) => take(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    showConnection("lost", "Not connected. Trying again…");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  });
}

connect();
