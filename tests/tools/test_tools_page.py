"""The page that says what each tool is for."""

from __future__ import annotations

import re
from pathlib import Path

from generation import ROOT

from tools.generator.trees import contents

PAGE = ROOT / "docs" / "maintainer" / "tools.md"


def test_it_says_what_each_file_in_tools_is_for() -> None:
    said = set(re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8")))
    files = {Path(name) for name in contents(ROOT / "tools") if not name.endswith("__init__.py")}
    assert [
        file.as_posix()
        for file in sorted(files)
        if said.isdisjoint((file.as_posix(), file.name, *(f"{each.as_posix()}/" for each in file.parents)))
    ] == []
