"""Signatures as they are written: aliases by their names, and in Markdown with the `*` before what is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils.nodes import abbreviation
from sphinx.addnodes import desc_optional

from images_api_client import options
from tools.reference.generics import generic_types

if TYPE_CHECKING:
    from docutils.nodes import Node
    from sphinx.application import Sphinx

# Whose classes an app is given, and never makes.
_GIVEN = {f"images_api.{module}" for module in ("_errors", "_events", "_problems", "_results", "_streams")}
# How autodoc shows an alias within a union.
_ALIAS = re.compile(r"TypeAliasForwardRef\('([\w.]+)'\)")


def _shown(_app: Sphinx, kind: str, _name: str, thing: object, _options: object, signature: str, returned: str) -> Any:
    if signature and kind in {"class", "exception"} and thing.__module__ in _GIVEN:
        return "", None
    return tuple(text and _ALIAS.sub(r"\1", text) for text in (signature, returned))


def _passed_through(_: object, __: Node) -> None:
    """Leave a node to its children, which sphinx-markdown-builder doesn't know."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of them."""
    app.config.autodoc_type_aliases |= {**{name: name for name in options.__all__}, **generic_types()}
    app.connect("autodoc-process-signature", _shown)
    for node in (abbreviation, desc_optional):
        app.add_node(node, override=True, **{"llms-markdown": (_passed_through, _passed_through)})
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
