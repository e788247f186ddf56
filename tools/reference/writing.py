"""Write the reference of a generated client, in a process of its own: the facade has one contract for the life of a process."""

import os
import subprocess
import sys
from pathlib import Path

_TOOLS = Path(__file__).resolve().parents[2]


class ReferenceFailedError(Exception):
    """The reference can't be written; the message says why."""


def write_reference(package: Path, target: Path) -> None:
    """Write the reference.

    Args:
        package: The generated client, with its contract.
        target: The folder to fill; it is made.

    Raises:
        ReferenceFailedError: A page can't be written.
    """
    paths = os.pathsep.join(map(str, (package.parent, _TOOLS / "facade", _TOOLS)))
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "tools.reference", str(target)],
        env=os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise ReferenceFailedError(f"The reference can't be written:\n{done.stderr.strip()}")
