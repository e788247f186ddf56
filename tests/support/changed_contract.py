"""The facade on a changed contract, in a process of its own: it travels with the generated client there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from generation import CONTRACT, PACKAGE, ROOT
from new_operations import add

from tools.generator.contract import read_contract

if TYPE_CHECKING:
    from pathlib import Path

    from tools.generator.document import Schema


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    code: int
    stdout: str
    stderr: str


class ChangedContract:
    """A contract, and a folder with the generated client that has it in its luggage.

    Args:
        folder: Where to put the client.
        document: The contract.
    """

    def __init__(self, folder: Path, document: Schema) -> None:
        self.document = document
        self._folder = folder
        shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / PACKAGE.name / "openapi.json").write_text(json.dumps(document), encoding="utf-8")

    def run(self, script: str, *arguments: str, **environment: str) -> Ended:
        """Run a script in a process that has this contract; a warning fails it."""
        paths = os.pathsep.join(map(str, (self._folder, ROOT / "facade")))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENAI_"))}
        done = subprocess.run(  # noqa: S603  the scripts are the tests'
            [sys.executable, "-W", "error", "-c", script, *arguments],
            env=kept | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"} | environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def told(self, script: str, *arguments: str) -> Any:
        """Return what a script prints as JSON."""
        done = self.run(script, *arguments)
        assert done.code == 0, done.stderr
        return json.loads(done.stdout)


def with_operations(folder: Path, *operations: tuple[str, str]) -> ChangedContract:
    """Return our contract with operations more, each with its request."""
    contract = folder / CONTRACT.name
    shutil.copyfile(CONTRACT, contract)
    add(contract, *operations)
    return ChangedContract(folder, read_contract(contract))
