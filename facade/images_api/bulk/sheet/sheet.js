"use strict";

// Shows some of the lines, and one image large. All that is said stands in the page already; without this script, it can be read.

const find = (id) => document.getElementById(id);
const lines = Array.from(find("cards").children);
const openers = () => Array.from(document.querySelectorAll("#cards > li:not([hidden]) .made > a"));
// How far out of sight an image is still held; beyond that, its bytes would fill the memory.
const MARGIN = "1500px 0px";

// ---- which lines are shown -------------------------------------------------------------------------------------------

let texts;

function show() {
  const state = document.querySelector("input[name=state]:checked").value;
  const words = find("find").value.toLowerCase().split(/\s+/u).filter(Boolean);
  if (words.length && !texts) texts = lines.map((line) => line.textContent.toLowerCase());
  let shown = 0;
  lines.forEach((line, index) => {
    const isShown = (!state || line.dataset.state === state) && words.every((word) => texts[index].includes(word));
    if (line.hidden === isShown) line.hidden = !isShown;
    if (isShown) shown += 1;
  });
  const all = `${lines.length.toLocaleString("en")} line${lines.length === 1 ? "" : "s"}`;
  find("count").textContent = shown === lines.length ? all : `${shown.toLocaleString("en")} of ${all}`;
  find("none").hidden = shown > 0;
}

let waiting = 0;
find("filter").addEventListener("input", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(show);
});
find("filter").addEventListener("submit", (event) => event.preventDefault());

// ---- which images are in memory --------------------------------------------------------------------------------------

const hold = (line) => {
  for (const image of line.querySelectorAll("img[data-src]")) {
    image.src = image.dataset.src;
    image.removeAttribute("data-src");
  }
};

const letGo = (line) => {
  for (const image of line.querySelectorAll("img[src]:not([src^='data:'])")) {
    image.dataset.src = image.getAttribute("src");
    image.removeAttribute("src");
  }
};

const sight = new IntersectionObserver(
  (seen) => seen.forEach(({ isIntersecting, target }) => (isIntersecting ? hold : letGo)(target)),
  { rootMargin: MARGIN },
);
lines.forEach((line) => sight.observe(line));
addEventListener("beforeprint", () => lines.forEach((line) => {
  if (!line.hidden) {
    line.querySelectorAll("img").forEach((image) => image.removeAttribute("loading"));
    hold(line);
  }
}));

// ---- one image, large ------------------------------------------------------------------------------------------------

let current;

function view(opener) {
  const line = opener.closest("li");
  const all = openers();
  const place = all.indexOf(opener);
  current = opener;
  find("viewer-image").src = opener.href;
  find("viewer-image").alt = opener.firstElementChild.alt;
  find("viewer-about").textContent = line.querySelector("h2").textContent;
  find("viewer-place").textContent = `${opener.firstElementChild.alt} · ${(place + 1).toLocaleString("en")} of ${all.length.toLocaleString("en")}`;
  find("viewer-link").href = opener.href;
  find("previous").disabled = place === 0;
  find("next").disabled = place === all.length - 1;
  if (!find("viewer").open) find("viewer").showModal();
}

function step(by) {
  const all = openers();
  const opener = all[all.indexOf(current) + by];
  if (opener) view(opener);
}

find("cards").addEventListener("click", (event) => {
  const opener = event.target.closest(".made > a");
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  view(opener);
});
find("previous").addEventListener("click", () => step(-1));
find("next").addEventListener("click", () => step(1));
find("close").addEventListener("click", () => find("viewer").close());
find("viewer").addEventListener("click", (event) => event.target === find("viewer") && find("viewer").close());
find("viewer").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) step(by);
});
find("viewer").addEventListener("close", () => {
  find("viewer-image").removeAttribute("src");
  current.focus({ preventScroll: true });
  current.scrollIntoView({ block: "nearest" });
});

if (lines.length) {
  find("filter").hidden = false;
  show();
}
