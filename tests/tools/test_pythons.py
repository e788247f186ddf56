"""`make test-all` and `make test-lowest`: which Pythons and which versions they take, and what they say in the end."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from generation import ROOT, run
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from platforms import needs_make, needs_posix

from tools.lowest import NoLowestError, lowest
from tools.pythons import interpreter, supported

if TYPE_CHECKING:
    from pathlib import Path

LOWEST = "lowest dependencies, Python 3.11"
HTTPX2 = "httpx2 in httpx's place, Python 3.11"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


class TestLowest:
    @pytest.mark.parametrize(
        ("requirement", "constraint"),
        [
            ("httpx>=0.28,<1", "httpx==0.28"),
            ("httpx<1,!=0.28.1,>=0.28", "httpx==0.28"),
            ("httpx[http2]~=0.28.1", "httpx==0.28.1"),
            ("httpx==0.28.1", "httpx==0.28.1"),
            ("tomli>=2; python_version < '3.11'", 'tomli==2; python_version < "3.11"'),
        ],
    )
    def test_a_lower_bound_is_taken(self, requirement: str, constraint: str) -> None:
        assert list(lowest({"dependencies": [requirement]})) == [constraint]
        assert list(lowest({"optional-dependencies": {"sandbox": [requirement]}})) == [constraint]

    @pytest.mark.parametrize("requirement", ["httpx", "httpx<1", "httpx>0.28", "httpx!=0.28"])
    def test_without_one_it_stops(self, requirement: str) -> None:
        with pytest.raises(NoLowestError, match=r"pyproject\.toml: httpx.* must have one lower bound"):
            list(lowest({"dependencies": [requirement]}))

    def test_each_of_ours_is_allowed_and_no_release_below_it(self) -> None:
        ours = [
            Requirement(text) for group in [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()] for text in group
        ]
        printed = run(sys.executable, "-m", "tools.lowest", folder=ROOT).splitlines()
        assert [Requirement(line).name for line in printed] == [requirement.name for requirement in ours]
        for line, requirement in zip(printed, ours, strict=True):
            (pin,) = Requirement(line).specifier
            assert requirement.specifier.contains(pin.version)
            assert not requirement.specifier.contains(f"{pin.version}.dev0", prereleases=True)


class TestInterpreters:
    @needs_posix
    @pytest.mark.parametrize(
        ("there", "taken"),
        [
            ({"first/python3.99": 0, "second/python3.99": 0, "versions/3.99.1/bin/python3.99": 0}, "first/python3.99"),
            ({"first/python3.99": 127, "second/python3.99": 0}, "second/python3.99"),
            ({"first/python3.99": 127, "versions/3.99.1/bin/python3.99": 0}, "versions/3.99.1/bin/python3.99"),
            ({"versions/3.99.1/bin/python3.99": 127, "versions/3.99.2/bin/python3.99": 0}, "versions/3.99.2/bin/python3.99"),
            ({"first/python3.99": 127, "versions/3.98.1/bin/python3.98": 0, "second/python3.9": 0}, None),
            ({}, None),
        ],
        ids=["all", "second of the path", "pyenv", "second of pyenv", "others", "none"],
    )
    def test_the_first_that_runs_is_taken(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: dict[str, int], taken: str | None
    ) -> None:
        for name, code in there.items():
            executable(tmp_path / name, f"exit {code}")
        monkeypatch.setenv("PATH", f"{tmp_path / 'first'}{os.pathsep}{tmp_path / 'second'}")
        monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
        assert interpreter("3.99") == (taken and str(tmp_path / taken))

    def test_the_supported_ones_begin_where_it_may_be_installed(self) -> None:
        allowed = [f"3.{minor}" for minor in range(30) if SpecifierSet(PROJECT["requires-python"]).contains(f"3.{minor}")]
        assert supported()
        assert supported() == allowed[: len(supported())]


@needs_make
@pytest.mark.parametrize(
    ("installed", "broken", "failed", "code"),
    [
        (["3.11", "3.13"], "", "", 0),
        (["3.12"], "", "", 0),
        (["3.14", "3.15"], "", "", 0),
        (["3.11", "3.12", "3.13"], "test .venv-3.12", "Python 3.12", 1),
        (["3.11"], "test-lowest .venv", LOWEST, 1),
        (["3.11", "3.14"], "test-httpx2 .venv-3.11", HTTPX2, 1),
        ([], "", "", 1),
    ],
)
def test_each_run_is_told(tmp_path: Path, installed: list[str], broken: str, failed: str, code: int) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    (tmp_path / "Makefile").write_text(
        'VENV := .venv\ntest test-lowest test-httpx2:\n\t@test "$@ $(VENV)" != "$(BROKEN)" && $(PYTHON)\n', encoding="utf-8"
    )
    for version in installed:
        executable(tmp_path / "bin" / f"python{version}", "exit 0")
    executable(tmp_path / "bin" / "make", f'exec {shutil.which("make")} "$@"')
    settings = {"PATH": str(tmp_path / "bin"), "PYENV_ROOT": str(tmp_path), "BROKEN": broken}
    printed = run(sys.executable, "-m", "tools.pythons", folder=tmp_path, code=code, **settings)
    wanted = {
        name: "not installed" if name.rpartition(" ")[2] not in installed else "failed" if name == failed else "passed"
        for name in (*(f"Python {version}" for version in supported()), LOWEST, HTTPX2)
    }
    told = (line.rpartition(": ") for line in printed.splitlines() if line.startswith(("Python 3", "lowest", "httpx2")))
    assert {name: result for name, _, result in told} == wanted
