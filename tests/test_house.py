"""What import-linter can't see of the house: names of the generated client in texts, and how much code there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tools.lines import lines_of_code

FACADE = Path(__file__).resolve().parent.parent / "facade" / "images_api"
# What the core doesn't import: rooms that need an extra, and what only PyInstaller reads.
EXTRAS = {"__pyinstaller", "bulk", "cli", "sandbox", "testing"}
# Beside the two seams: what the clients inherit, what wrappers need, and the contract, which travels with the client as data.
MAY_NAME_IT = {"_client.py", "options.py", "_contract/document.py"}


def core() -> list[Path]:
    return [path for path in sorted(FACADE.rglob("*.py")) if path.relative_to(FACADE).parts[0] not in EXTRAS]


def test_only_the_seams_name_the_generated_client_in_whatever_way() -> None:
    naming = {str(path.relative_to(FACADE)) for path in core() if "images_api_client" in path.read_text(encoding="utf-8")}
    rooms = {name for name in naming if not name.startswith(("_requests/", "_responses/"))}
    assert rooms == MAY_NAME_IT
    assert naming - rooms == {"_requests/request.py", "_responses/result.py"}


def test_no_handwritten_line_names_an_operation_or_its_parameters() -> None:
    document = (FACADE.parent.parent / "openapi.yaml").read_text(encoding="utf-8")
    operations = set(re.findall(r"operationId: (\w+)", document))
    texts = {
        (node.value, path.name)
        for path in core()
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    told = {"n", "quality", "style", "prompt", "response_format", "output_compression", "partial_images", "mask", "markup"}
    assert {text for text, _ in texts} & (operations | told) == set()


@pytest.mark.parametrize(("paths", "most"), [(list(FACADE.glob("*.py")), 900), (core(), 3200)], ids=["top level", "core"])
def test_the_facade_is_thin(paths: list[Path], most: int) -> None:
    assert sum(map(lines_of_code, paths)) < most
