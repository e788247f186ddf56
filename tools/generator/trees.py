"""Compare two folders byte by byte, both ways."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

_MOST_LINES = 20


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder by its relative path, what Python compiled left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def oddities(folder: Path) -> dict[str, str]:
    """Return what is below a folder and is neither a file nor on the way to one, by its relative path, with what it is."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = "a symbolic link"
        elif path.is_dir():
            if path.name != "__pycache__" and not any(path.iterdir()):
                found[name] = "an empty folder"
        elif not path.is_file():
            found[name] = "no file"
    return found


def differences(expected: Path, actual: Path) -> Iterator[str]:
    """Yield a short text for each file that is missing, is there in addition, or differs.

    Empty folders and permissions are passed over, as git does. A symbolic link is never taken for the file it leads to.

    Args:
        expected: The folder as it should be.
        actual: The folder as it is.
    """
    wanted, there = contents(expected), contents(actual)
    links = {path.relative_to(actual).as_posix() for path in actual.rglob("*") if path.is_symlink()}
    for name in sorted(wanted.keys() | there.keys() | links):
        if name in links:
            yield f"not generated: {name}, a symbolic link\n"
        elif name not in there:
            yield f"missing: {name}\n"
        elif name not in wanted:
            yield f"not generated: {name}\n"
        elif wanted[name] != there[name]:
            yield _diff(name, _lines(there[name]), _lines(wanted[name]))


def _diff(name: str, there: list[str], wanted: list[str]) -> str:
    lines = list(unified_diff(there, wanted, f"{name} (as it is)", f"{name} (as generated)", n=1))
    if not lines:
        return f"other line ends, which git sets by .gitattributes: {name}\n"
    rest = [f"... and {len(lines) - _MOST_LINES} more lines of this file\n"] if len(lines) > _MOST_LINES else []
    return "".join([*lines[:_MOST_LINES], *rest])


def _lines(content: bytes) -> list[str]:
    return [f"{line}\n" for line in content.decode(errors="replace").splitlines()]
