"""Run the tests under each Python that pyproject.toml names and that is installed; then with other dependencies.

Those are the lowest versions that pyproject.toml allows, and httpx2 in httpx's place. Each run has an environment of its own,
which is kept for the next time. A Python that isn't installed is named and passed over.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.generate import ROOT


def supported() -> list[str]:
    """Return the versions that pyproject.toml names, the oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text) for text in project["classifiers"])
    return sorted((match[1] for match in found if match), key=lambda version: int(version.partition(".")[2]))


def interpreter(version: str) -> str | None:
    """Return a Python of this version that runs, from the PATH or from pyenv, or None."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [*os.get_exec_path(), *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin")))]
    found = (shutil.which(name, path=folder) for folder in folders)
    # On the PATH may be pyenv's placeholder for a version that isn't selected; it doesn't run.
    return next((python for python in found if python and _runs(python)), None)


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603  ours


def main() -> int:
    """Run the command.

    Returns:
        The exit code: 0 when all that was run passed, 1 when something failed or no Python was found.
    """
    versions = supported()
    pythons = {version: interpreter(version) for version in versions}
    results: dict[str, str] = {}
    for version, python in pythons.items():
        results[f"Python {version}"] = _make("test", python, f"VENV=.venv-{version}")
    oldest = versions[0]  # old releases of some dependencies have no wheels for newer ones
    results[f"lowest dependencies, Python {oldest}"] = _make("test-lowest", pythons[oldest])
    results[f"httpx2 in httpx's place, Python {oldest}"] = _make("test-httpx2", pythons[oldest], f"VENV=.venv-{oldest}")
    print("\n".join(f"{name}: {result}" for name, result in results.items()))
    return 0 if "failed" not in results.values() and "passed" in results.values() else 1


def _make(target: str, python: str | None, *settings: str) -> str:
    if python is None:
        return "not installed"
    command = ["make", target, f"PYTHON={python}", *settings]
    print("$", *command, flush=True)
    return "failed" if subprocess.run(command, cwd=ROOT, check=False).returncode else "passed"  # noqa: S603  ours


if __name__ == "__main__":
    sys.exit(main())
