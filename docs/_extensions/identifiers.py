"""Search that finds what the API calls things: `dall-e-3` as one word, and `429`, which Sphinx's own search passes over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sphinx.search.en import SearchEnglish

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Words with digits, held together by hyphens and points, such as `gpt-image-2.5-flare`.
_IDENTIFIER = re.compile(r"(?=[\w.-]*\d)\w+(?:[.-]\w+)+")


class Search(SearchEnglish):
    """English, and identifiers as they stand."""

    lang = "en-identifiers"
    # Sphinx drops words of digits alone, here and in the browser, so each gets a mark on both sides.
    js_splitter_code = r"""
var splitQuery = (query) =>
  [...query.matchAll(/(?=[\p{L}\p{N}_.-]*\p{N})[\p{L}\p{N}_]+(?:[.-][\p{L}\p{N}_]+)+|[\p{L}\p{N}_]+/gu)]
    .map(([word]) => (/^\d+$/.test(word) ? `#${word}` : word));
"""

    def split(self, input: str) -> list[str]:  # noqa: A002  Sphinx's name for it
        """Return the words of a text, and the identifiers in it beside them."""
        words = super().split(input)
        return [f"#{word}" if word.isdigit() else word for word in words] + _IDENTIFIER.findall(input)


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Sphinx know it."""
    app.add_search_language(Search)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
