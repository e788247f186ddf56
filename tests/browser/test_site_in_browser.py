"""The documentation's site in real Chromium: a search finds, and every page can be read. `make test-browser` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from browsing import CONTRASTS, WIDTH, FilePage, served
from chromium import driver_fixture
from generation import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver import Chrome  # pyright: ignore[reportMissingImports]  only `make test-browser` installs it

# pytest finds it by its name, here.
FIXTURES = (driver_fixture,)
SITE = ROOT / "site"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
# One of each kind, for what takes its time.
SAMPLES = [
    "index.html",
    "app/errors.html",
    "api/clients.html",
    "reference/operations.html",
    "reference/families.html",
    "moving.html",
]
# What stands out of a phone's width, other than in a box that scrolls.
WIDER = """Array.from(document.querySelectorAll("article *"), (each) => each).filter((each) => {
  const box = each.getBoundingClientRect();
  const scrolls = each.closest(".table-wrapper, pre, .highlight, dt.sig, .toc-drawer");
  return box.width && box.right > innerWidth + 1 && !scrolls && each.checkVisibility();
}).map((each) => `${each.tagName} ${each.textContent.trim().slice(0, 60)}`)"""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the site is served, as any host would."""
    with served(SITE) as origin:
        yield origin


def opened(driver: Chrome, origin: str, name: str) -> FilePage:
    page = FilePage(driver, origin, f"{origin}/{name}")
    page.open()
    return page


def test_there_is_a_site() -> None:
    assert len(PAGES) > 60
    assert (SITE / "llms.txt").is_file()
    markdown = {path.relative_to(SITE).as_posix().removesuffix(".md") for path in SITE.rglob("*.html.md")}
    assert set(PAGES) - markdown == {"genindex.html", "py-modindex.html", "search.html"}
    seen = "".join((SITE / f"app/errors.html{end}").read_text(encoding="utf-8") for end in ("", ".md"))
    assert "draw_cover" in seen
    assert "<!-- check" not in seen


@pytest.mark.parametrize(
    ("sought", "page"),
    [
        ("response_format", "reference/operations.html"),
        ("dall-e-3", "reference/families.html"),
        ("gpt-image-2.5-flare", "reference/families.html"),
        ("429", "app/errors.html"),
        ("Azure", "recipes/azure.html"),
        ("ContentPolicyError", "api/errors.html"),
        ("OPENAI_BASE_URL", "app/settings.html"),
        ("--dry-run", "app/command-line.html"),
        ("1024x1536", "reference/families.html"),
        ("vendor", "vendor/copy.html"),
    ],
)
def test_a_search_finds_it(driver: Chrome, origin: str, sought: str, page: str) -> None:
    found = opened(driver, origin, f"search.html?q={quote(sought)}")
    found.wait("/matching|did not match/.test(document.querySelector('.search-summary')?.textContent)")
    links = found.run("Array.from(document.querySelectorAll('ul.search a'), (each) => each.getAttribute('href').split('#')[0])")
    assert page in [link.split("?")[0] for link in links]
    found.check_that_it_kept_to_itself()
    found.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_page_can_be_read(driver: Chrome, origin: str, name: str, scheme: str) -> None:
    page = opened(driver, origin, name)
    for width in (1280, 390):
        page.look(width, 900, scheme)
        scrolled, seen = page.run(WIDTH)
        assert scrolled <= seen
        assert [text for text in page.run(CONTRASTS) if text[1] < 4.5] == []
    page.check_that_it_kept_to_itself()
    page.close()


def test_every_page_fits_on_a_phone(driver: Chrome, origin: str) -> None:
    wide: dict[str, list[str]] = {}
    page = opened(driver, origin, "index.html")
    page.look(390, 800)
    for name in PAGES:
        driver.get(f"{origin}/{name}")
        page.wait(page.ready)
        if found := page.run(WIDER):
            wide[name] = found[:3]
    page.close()
    assert wide == {}


def test_every_picture_is_there_and_described(driver: Chrome, origin: str) -> None:
    page = opened(driver, origin, "index.html")
    pictures = page.wait(
        "Array.from(document.querySelectorAll('article img')).every((each) => each.complete)"
        " && Array.from(document.querySelectorAll('article img'), (each) => [each.naturalWidth, each.alt])"
    )
    assert pictures
    assert all(width and alt for width, alt in pictures)
    page.close()
