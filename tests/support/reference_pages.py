"""The pages of the reference as readers have them: written from a contract, and taken apart as a code host does."""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from generation import PACKAGE
from markdown_it import MarkdownIt

from tools.reference.writing import write_reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

# What GitHub's own parser adds to CommonMark and can be had here.
CODE_HOST = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_TEXTS = {"text", "code_inline", "softbreak"}


class Page(NamedTuple):
    """A page.

    Attributes:
        name: Its path below the reference.
        source: Its Markdown.
    """

    name: str
    source: str

    def section(self, heading: str) -> str:
        """Return what stands below a heading of the second level, up to the next one."""
        (found,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", self.source, re.MULTILINE | re.DOTALL)
        return str(found)

    def tokens(self, parser: MarkdownIt = CODE_HOST) -> Iterator[Token]:
        """Yield all that the page consists of, what is within lines included."""
        for token in parser.parse(self.source):
            yield token
            yield from token.children or ()

    def structure(self, parser: MarkdownIt = CODE_HOST) -> list[tuple[str, str]]:
        """Return all but the texts: what each part is, and where it leads."""
        parts = (token for token in self.tokens(parser) if token.type not in _TEXTS)
        return [(token.type, str(token.attrGet("href") or "")) for token in parts]

    def text(self) -> str:
        """Return the texts as a reader sees them."""
        return " ".join("".join(token.content for token in self.tokens() if token.type in _TEXTS).split())

    def links(self) -> list[str]:
        """Return where its links lead."""
        return [unquote(str(token.attrGet("href"))) for token in self.tokens() if token.type == "link_open"]

    def anchors(self) -> list[str]:
        """Return the anchors of its headings, as a code host names them."""
        found: list[str] = []
        counts: dict[str, int] = {}
        parts = list(self.tokens())
        for opening, inline in pairwise(parts):
            if opening.type == "heading_open":
                shown = "".join(token.content for token in inline.children or ())
                name = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
                found.append(f"{name}-{counts[name]}" if name in counts else name)
                counts[name] = counts.get(name, 0) + 1
        return found


def pages_of(folder: Path) -> dict[str, Page]:
    """Return the pages of a folder by their names."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.md"))}
    return {name: Page(name, path.read_text(encoding="utf-8")) for name, path in files.items()}


def pages_with(document: dict[str, Any], folder: Path) -> dict[str, Page]:
    """Return the pages of another contract, for which the generated client need not change."""
    package = folder / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    write_reference(package, folder / "reference")
    return pages_of(folder / "reference")
