"""Every block of code in the documentation runs, and does what the page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from documents import PAGES, blocks, follow, read
from generation import ROOT
from platforms import needs_make

if TYPE_CHECKING:
    from pathlib import Path


@needs_make
@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES if blocks(page)])
def test_a_page_holds_what_it_says(page: str, tmp_path: Path) -> None:
    document = read(ROOT / page)
    with follow(document, tmp_path):
        for example in document.examples():
            example.evaluate()
