"""The site follows the contract: a parameter that is new in openapi.yaml is told of by `make generate` and `make docs` alone."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from documents import copied_repository, surroundings
from generation import run
from platforms import needs_make

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = "        moderation: {$ref: '#/components/schemas/Moderation'}\n"
SEED = "        seed: {description: What chance begins with., type: [integer, 'null'], minimum: 0, maximum: 77777}\n"


@needs_make
def test_a_new_parameter_reaches_reference_help_and_site(tmp_path: Path) -> None:
    copy = copied_repository(tmp_path / "images-api")
    contract = copy / "openapi.yaml"
    text = contract.read_text(encoding="utf-8")
    assert BEFORE in text
    contract.write_text(text.replace(BEFORE, SEED + BEFORE, 1), encoding="utf-8")

    run_here = partial(run, folder=copy, code=0, **surroundings(copy))
    assert "`seed`" in run_here("make", "generate")
    run_here("make", "docs")

    for page in ("docs/reference/operations.md", "site/reference/operations.html", "site/reference/operations.html.md"):
        assert "0 to 77777" in (copy / page).read_text(encoding="utf-8"), page
    for page in ("site/api/clients.html", "site/reference/families.html", "site/reference/models/CreateImageRequest.html"):
        assert "seed" in (copy / page).read_text(encoding="utf-8"), page
    assert "seed" in (copy / "site" / "searchindex.js").read_text(encoding="utf-8")
    assert "--seed INTEGER" in run_here(sys.executable, "-m", "images_api.cli", "generate", "--help")
