"""Compare two folders byte by byte, both ways."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative path, what Python compiled left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(expected: Path, actual: Path) -> Iterator[str]:
    """Yield a short text for each file that is missing, is there in addition, or differs.

    Args:
        expected: The folder as it should be.
        actual: The folder as it is.
    """
    wanted, there = contents(expected), contents(actual)
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            yield f"missing: {name}\n"
        elif name not in wanted:
            yield f"not generated: {name}\n"
        elif wanted[name] != there[name]:
            diff = unified_diff(_lines(there[name]), _lines(wanted[name]), f"{name} (as it is)", f"{name} (as generated)", n=1)
            yield "".join(list(diff)[:20])


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines(keepends=True)
