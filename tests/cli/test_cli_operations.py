"""The commands and their parameters: the same as those of the methods that the generator makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from changed_contract import ChangedContract, with_operations
from generation import our_contract
from new_operations import COLLAGE, COLLAGE_REQUEST, UPSCALE, UPSCALE_REQUEST, without

from tools.generator.document import resolved
from tools.generator.methods import methods

if TYPE_CHECKING:
    from pathlib import Path

    from tools.generator.document import Schema

ENLARGE = UPSCALE.replace("/upscale", "/enlarge").replace("Upscale", "Enlarge2X")
ENLARGE_REQUEST = without(UPSCALE_REQUEST, "model").replace("Upscale", "Enlarge2X")
HIDDEN = (
    UPSCALE.replace("/upscale", "/hidden").replace("Upscale", "Hide").replace("      tags", "      x-method: false\n      tags")
)
HIDDEN_REQUEST = UPSCALE_REQUEST.replace("Upscale", "Hide")
SCRIPT = """
import json
from images_api.cli import _operations as o
print(json.dumps([
    {
        "command": command,
        "id": each.id,
        "arguments": o.arguments(each),
        "streams": o.streams(each),
        "parameters": [[name, schema["description"]] for name, schema in o.parameters(each).items()],
        "files": [name for name in o.parameters(each) if o.is_file(each, name)],
        "several": [name for name in o.parameters(each) if o.takes_several(each, name)],
    }
    for command, each in o.commands().items()
]))
"""


def generated(document: Schema) -> list[dict[str, Any]]:
    return [
        {
            "command": method.command,
            "id": method.operation.id,
            "arguments": [each.name for each in method.arguments],
            "streams": method.streams,
            "parameters": [[each.name, resolved(document, each.schema)["description"]] for each in method.parameters],
            "files": [each.name for each in method.parameters if each.is_file],
            "several": [each.name for each in method.parameters if each.takes_several],
        }
        for method in methods(document)
    ]


@pytest.mark.parametrize(
    "more",
    [
        (),
        ((UPSCALE, UPSCALE_REQUEST), (ENLARGE, ENLARGE_REQUEST), (COLLAGE, COLLAGE_REQUEST), (HIDDEN, HIDDEN_REQUEST)),
    ],
    ids=["ours", "with new operations"],
)
def test_the_commands_are_the_methods(more: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    changed = with_operations(tmp_path, *more) if more else ChangedContract(tmp_path, our_contract())
    told = changed.told(SCRIPT)
    assert told == generated(changed.document)
    assert len(told) == 3 + max(0, len(more) - 1)


def test_the_names_are_what_the_contract_says(tmp_path: Path) -> None:
    changed = with_operations(tmp_path, (ENLARGE, ENLARGE_REQUEST))
    assert {each["command"]: each["arguments"] for each in changed.told(SCRIPT)} == {
        "generate": ["prompt"],
        "edit": ["image", "prompt"],
        "variation": ["image"],
        "create-image-enlarge-2x": ["image", "scale"],
    }
