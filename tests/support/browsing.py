"""A page in a browser: what a person sees of it, and what the browser says that it did."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains  # pyright: ignore[reportMissingImports]
from selenium.webdriver.common.by import By  # pyright: ignore[reportMissingImports]
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from selenium.webdriver import Chrome  # pyright: ignore[reportMissingImports]

_WATCH = """
window.troubles = [];
addEventListener("securitypolicyviolation", (event) => troubles.push(`${event.violatedDirective} ${event.blockedURI}`));
addEventListener("error", (event) => event instanceof ErrorEvent && troubles.push(event.message));
addEventListener("unhandledrejection", (event) => troubles.push(String(event.reason)));
"""
# How wide a page is, and the window.
WIDTH = "[document.documentElement.scrollWidth, innerWidth]"
# Of each text that is seen: what it says, its contrast to what is behind it (WCAG 2.2, 1.4.3), and how large it is.
CONTRASTS = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const behind = (element) => {
    const color = rgba(getComputedStyle(element).backgroundColor);
    if (color[3] === 1) return color;
    return over(color, element.parentElement ? behind(element.parentElement) : [255, 255, 255]);
  };
  const luminance = (color) => {
    const linear = (each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = color.map((each) => linear(each / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("script, noscript, template, .unseen")) continue;
    if (!element.checkVisibility()) continue;
    const ground = behind(element);
    const ink = over(rgba(getComputedStyle(element).color), ground);
    texts.push([walker.currentNode.data.trim().slice(0, 40), contrast(ink, ground)]);
  }
  return texts;
})()"""


class Page:
    """A page in a browser.

    Args:
        driver: The browser.
        origin: Whom alone it may ask.
        address: Where it is; as a rule at the origin's root.
    """

    # What is true once it is told of what there is: that of the sandbox's.
    ready = "document.querySelector('#fault-kind option') && document.querySelector('#connection[data-state=live]')"

    def __init__(self, driver: Chrome, origin: str, address: str = "") -> None:
        self.driver = driver
        self.origin = origin
        self.address = address or origin
        self._watch = ""

    def open(self) -> None:
        """Open it, and wait until it is told of what there is."""
        if not self._watch:
            self.look()
            self._watch = self._command("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)["identifier"]
            self.driver.get_log("performance")
        self.driver.get(self.address)
        self.wait(self.ready)

    def close(self) -> None:
        """Leave it, and forget its console."""
        self._command("Page.removeScriptToEvaluateOnNewDocument", identifier=self._watch)
        self.driver.get("about:blank")
        self.driver.get_log("browser")

    def look(self, width: int = 1280, height: int = 900, scheme: str = "light", motion: str = "no-preference") -> None:
        """Look at it through a window of a size, as somebody who prefers a colour scheme, and motion or none."""
        self._command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        preferences = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        features = [{"name": name, "value": value} for name, value in preferences.items()]
        self._command("Emulation.setEmulatedMedia", features=features)

    def run(self, expression: str) -> Any:
        """Return what a JavaScript expression is."""
        return self.driver.execute_script(f"return {expression}")

    def wait(self, expression: str) -> Any:
        """Wait until a JavaScript expression is true, and return what it is."""
        wait_until(lambda: bool(self.run(expression)))
        return self.run(expression)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of elements, whether they are in sight or not."""
        elements = f"document.querySelectorAll({json.dumps(selector)})"
        return list(self.run(f"Array.from({elements}, (each) => each.textContent)"))

    def text(self, selector: str) -> str:
        """Return the text of the only element."""
        (text,) = self.texts(selector)
        return text

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def screenshot(self, selector: str) -> Image.Image:
        """Return what an element looks like."""
        element = self.driver.find_element(By.CSS_SELECTOR, selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        return Image.open(BytesIO(base64.b64decode(element.screenshot_as_base64))).convert("RGB")

    def accessible(self) -> list[dict[str, Any]]:
        """Return what the browser tells a screen reader: each node's role, name and properties."""
        nodes = self._command("Accessibility.getFullAXTree")["nodes"]
        return [
            {
                "role": node["role"]["value"],
                "name": node.get("name", {}).get("value", ""),
                **{each["name"]: each["value"].get("value") for each in node.get("properties", ())},
            }
            for node in nodes
            if not node["ignored"]
        ]

    def check_that_it_kept_to_itself(self) -> None:
        """Fail if it broke its policy, raised an error, or asked anybody else."""
        assert self.run("window.troubles") == []
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        named = self.run("performance.getEntriesByType('resource').map((entry) => entry.name)")
        assert sent
        asked = [urlsplit(url) for url in [*sent, *named] if not url.startswith("data:")]
        assert {f"{parts.scheme}://{parts.netloc}" for parts in asked} == {self.origin}

    def _command(self, name: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, arguments)


class FilePage(Page):
    """A page that is whole once it is loaded."""

    ready = "document.readyState === 'complete'"


@contextmanager
def served(folder: Path) -> Generator[str]:
    """Serve a folder as any host would, and give its origin."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
