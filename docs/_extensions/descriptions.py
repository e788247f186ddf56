"""A description of each page, for search engines and llms.txt: its first paragraph, unless its front matter has another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils.nodes import meta, paragraph

if TYPE_CHECKING:
    from docutils.nodes import document
    from sphinx.application import Sphinx


def _describe(_: Sphinx, page: document) -> None:
    if any(each.get("name") == "description" for each in page.findall(meta)):
        return
    first = next(page.findall(paragraph), None)
    if first is not None:
        page.insert(0, meta(name="description", content=" ".join(first.astext().split())))


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Sphinx do it with each page that it has read."""
    app.connect("doctree-read", _describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
