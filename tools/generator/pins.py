"""Whether what is installed is what pyproject.toml asks for: the tools' versions decide every byte that is generated."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement


class PinError(Exception):
    """A tool is missing, or is there in another version."""


def command_path() -> str:
    """Return the PATH on which commands are looked for: that of a virtual environment that isn't activated lacks its own."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def check_pins(pyproject: Path) -> None:
    """Compare the generator's dependency group with what is installed, and with the ruff that would run.

    Args:
        pyproject: The file whose group `generate` lists the tools.

    Raises:
        PinError: At least one is missing or of another version.
    """
    group = tomllib.loads(pyproject.read_text(encoding="utf-8"))["dependency-groups"]["generate"]
    faults = []
    for requirement in map(Requirement, group):
        found = _ruff() if requirement.name == "ruff" else _installed(requirement.name)
        if found is None or found not in requirement.specifier:
            is_there = f"{found} is installed" if found else "it is not installed"
            faults.append(f"{requirement.name}: {pyproject} asks for {requirement.specifier}, but {is_there}.")
    if faults:
        raise PinError("\n".join([*faults, "`make clean generate` installs what is asked for."]))


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _ruff() -> str | None:
    # A command, whichever way it was installed; what counts is the one that the generator's hooks will find.
    ruff = shutil.which("ruff", path=command_path())
    if ruff is None:
        return None
    told = subprocess.run([ruff, "--version"], capture_output=True, text=True, check=False)  # noqa: S603  found on the PATH
    return told.stdout.strip().rpartition(" ")[2] or None
