"""What the documentation says of the sandbox is so: it names each argument, each option at the prompt, and each fault."""

from __future__ import annotations

import inspect
import re

from generation import ROOT

from images_api.sandbox import Sandbox
from images_api.sandbox.__main__ import _parser
from images_api.sandbox._faults import TABLE

PAGE = (ROOT / "docs/app/sandbox.md").read_text(encoding="utf-8")


def test_every_argument_is_told() -> None:
    told = re.findall(r"^\| `(\w+)=[^|]*` \| `(--[a-z-]+)", PAGE, re.MULTILINE)
    options = [option for action in _parser("x")._actions for option in action.option_strings if option.startswith("--")]
    assert [argument for argument, _ in told] == [*inspect.signature(Sandbox).parameters]
    assert [option for _, option in told] == [option for option in options if option != "--help"]


def test_every_fault_is_told() -> None:
    table = PAGE.partition("| fault | what happens")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    told = [name for cell in cells for name in re.findall("`([a-z][a-z0-9 ]+)`", cell)]
    assert sorted([*told, "status"]) == sorted(TABLE)
