"""Check the built site: every link within it leads somewhere, and nothing in it is fetched from another host.

python -m tools.site FOLDER   exit 1 with what is wrong
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches by itself, unlike what a reader clicks on.
_FETCHED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("object", "data"), ("form", "action")}
# A link of one of these kinds leads a reader on; of any other, a browser.
_FOR_READERS = {"alternate", "author", "canonical", "describedby", "genindex", "index", "next", "prev", "search"}
_IN_STYLES = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')]+)""")


class Page(HTMLParser):
    """A page of the site.

    Attributes:
        anchors: The ids in it.
        links: Where it leads, and what it loads, from this site or another; with the line of each.
        fetched: Those of them that a browser fetches by itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[int, str]] = []
        self.fetched: list[tuple[int, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        line = self.getpos()[0]
        loads = tag == "link" and not set(said.get("rel", "").split()) & _FOR_READERS
        for name, value in said.items():
            if (tag, name) in _FETCHED or (name == "href" and loads):
                self.fetched.append((line, value))
            if (tag, name) in _FETCHED or name == "href":
                self.links.append((line, value))


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong with a built site, each with its file.

    Args:
        site: Its folder.
    """
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site} has no page"
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name}:{line}: loads {link} from another host" for line, link in page.fetched if _is_foreign(link))
        for line, link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                yield f"{name}:{line}: {link} leads nowhere"
            elif target in pages and parts.fragment and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name}:{line}: {link} leads to no heading there"
    for path in sorted(site.rglob("*.css")):
        for link in _IN_STYLES.findall(path.read_text(encoding="utf-8")):
            if _is_foreign(link):
                yield f"{path.relative_to(site)}: loads {link} from another host"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; that of the process where it is None.

    Returns:
        The exit code: 0, or 1 where something is wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.site", description="Check the built site.")
    parser.add_argument("folder", type=Path, help="where it is")
    found = list(problems(parser.parse_args(arguments).folder.resolve()))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


def _is_foreign(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


if __name__ == "__main__":
    sys.exit(main())
