"""Leave out of the site what pages say to the tests alone, in HTML comments: checks, and what becomes of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils.nodes import comment, raw

if TYPE_CHECKING:
    from docutils.nodes import document
    from sphinx.application import Sphinx


def _leave_out(_: Sphinx, page: document) -> None:
    for node in [*page.findall(comment), *page.findall(raw)]:
        if node.astext().lstrip().startswith("<!--"):
            node.parent.remove(node)


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Sphinx do it with each page that it has read."""
    app.connect("doctree-read", _leave_out)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
