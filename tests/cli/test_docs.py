"""What the documentation says of the command line is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from command_line import images_api
from generation import ROOT

from images_api.cli._failures import ExitStatus
from images_api.cli._operations import commands

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "docs" / "app" / "command-line.md").read_text(encoding="utf-8")


def test_the_exit_statuses_are_these() -> None:
    said = re.findall(r"^\| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)
    assert said == [(str(status.value), status.meaning) for status in ExitStatus]


def test_every_command_is_named() -> None:
    said = re.findall(r"^\| `images-api ([a-z]+)", TEXT, re.MULTILINE)
    assert said == [*commands(), "models", "bulk", "sandbox", "completion"]


def test_every_option_is_there() -> None:
    said = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    asked = [[], *([command] for command in (*commands(), "models", "completion"))]
    helps = "".join(images_api(*command, "--help").stdout.decode() for command in asked)
    assert {option for option in said if option not in helps} == set()


@pytest.mark.parametrize("keys", re.findall(r"one JSON object: (.+) \|", TEXT))
def test_the_json_is_so(keys: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = images_api("generate", "x", "--local", "--json").said
    names = re.findall(r"`(\w+)`", keys)
    assert [*said, *said["images"][0]] == sorted(names, key=[*said, *said["images"][0]].index)
