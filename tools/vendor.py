"""Copy the generated client into another code base, with a stamp that says what it is and notices edits.

make vendor INTO=folder               writes folder/images_api_client, and makes the folder where it isn't there
make vendor INTO=folder NAME=package  writes folder/package
make vendor ... FORCE=1               overwrites edits of an earlier copy
"""

import argparse
import ast
import json
import shutil
import sys
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from keyword import iskeyword
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.requirements import Requirement

from tools import generate
from tools.changes import changes
from tools.generator.trees import contents, oddities
from tools.terminal import say

STAMP = "VENDORED.json"
_CONTRACT = "openapi.json"
_UPDATE = "last update"
# Of the name of the folder in which a copy is made: a file system may take no longer ones than the package's own.
_LONGEST_PREFIX = 100


class VendorError(Exception):
    """Nothing was copied; the message says why, and what to do."""


def vendor(into: Path, name: str = generate.PACKAGE.name, *, force: bool = False, parents: bool = False) -> bool:
    """Copy the generated client, as it is in the project, or update an earlier copy.

    Args:
        into: The folder that will hold the package's folder.
        name: What the package will be called there.
        force: Whether to overwrite edits of an earlier copy. A folder that is no copy is never overwritten.
        parents: Whether to make the folder, and those that it lies in, where they aren't there.

    Returns:
        Whether anything was written; False says that the copy was up to date.

    Raises:
        VendorError: The name or the folder can't be used, or the earlier copy was edited.
        OSError: The folder can't be written; an earlier copy is still as it was.
    """
    if not name.isidentifier() or iskeyword(name):
        raise VendorError(f"NAME must be one Python identifier, is {name!r}; INTO may be a folder within a package.")
    if parents:
        into.mkdir(parents=True, exist_ok=True)
    if not into.is_dir():
        raise VendorError(f"INTO must be a folder that is there: {into} is none.")
    try:
        target = (into / name).resolve()  # what a symbolic link stands for, so that the link survives
    except RuntimeError as error:  # which Python raises before 3.13
        raise VendorError(f"{into / name} is a symbolic link that leads back to itself.") from error
    if target.is_symlink():
        raise VendorError(f"{target} is a symbolic link that leads back to itself.")
    with TemporaryDirectory(prefix=f".{name[:_LONGEST_PREFIX]}-", dir=target.parent) as folder:
        # Beside the target, so that renaming is enough to put it there, whole or not at all.
        fresh = Path(folder, "fresh")
        shutil.copytree(generate.ROOT / generate.PACKAGE, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(generate.ROOT / "LICENSE", fresh / "LICENSE")
        stamp = _stamp(fresh, name)
        if target.exists():
            earlier = _stamp_of(target)
            edits = list(_edits(target, earlier["files"]))
            if not edits and stamp.items() <= earlier.items():
                return False
            if edits and not force:
                raise VendorError(
                    f"{target} was edited after it was copied:\n"
                    + "".join(f"  {edit}\n" for edit in edits)
                    + "What a formatter did counts, too: let it pass over this folder. Undo the edits, or lose them with FORCE=1."
                )
            stamp |= _update(earlier, stamp, target, fresh)
        (fresh / STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8", newline="\n")
        _put(fresh, target, Path(folder, "replaced"))
    return True


def _stamp(package: Path, name: str) -> dict[str, Any]:
    # Nothing of the day or of this machine, so that the same copy has the same stamp.
    project = tomllib.loads((generate.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    imported = _imported(package)
    return {
        "package": generate.PACKAGE.name,
        "version": json.loads((package / _CONTRACT).read_text(encoding="utf-8"))["info"]["version"],
        "contract": "sha256:" + _digest((generate.ROOT / "openapi.yaml").read_bytes()),
        "generator": f"openapi-python-client {version('openapi-python-client')}",
        "python": project["requires-python"],
        "dependencies": [each for each in project["dependencies"] if Requirement(each).name in imported],
        "edits": "Make none, by hand or by a formatter: this is a copy. Change openapi.yaml where it comes from, and refresh it.",
        "refresh": f"make vendor INTO=<the folder that holds this one> NAME={name}",
        "files": _digests(package),
    }


def _imported(package: Path) -> set[str]:
    """Return the top-level names of all that a package imports."""
    nodes = [node for module in package.rglob("*.py") for node in ast.walk(ast.parse(module.read_bytes()))]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names}


def _update(earlier: dict[str, Any], stamp: dict[str, Any], target: Path, fresh: Path) -> dict[str, Any]:
    """Return what the stamp says of the last update: from which version, and what changed for callers."""
    if stamp.items() <= earlier.items():
        return {key: value for key, value in earlier.items() if key == _UPDATE}
    since = str(earlier.get("version"))
    before = target / _CONTRACT
    changed = changes(before.read_bytes() if before.is_file() else None, (fresh / _CONTRACT).read_bytes(), f"the copy of {since}")
    return {_UPDATE: {"from": since, "changes": changed.splitlines()}}


def _edits(copy: Path, before: dict[str, str]) -> Iterator[str]:
    """Yield what was done to a copy since it was made, file by file."""
    odd = oddities(copy)
    now = {name: digest for name, digest in _digests(copy).items() if name not in odd}
    for name in sorted(before.keys() | now.keys() | odd.keys()):
        if name in odd:
            yield f"{'changed' if name in before else 'added'}: {name}, {odd[name]}"
        elif name not in now:
            yield f"deleted: {name}"
        elif name not in before:
            yield f"added: {name}"
        elif before[name] != now[name]:
            yield f"changed: {name}"


def _stamp_of(copy: Path) -> dict[str, Any]:
    try:
        stamp = json.loads((copy / STAMP).read_bytes())
        if stamp["package"] == generate.PACKAGE.name:
            return {**stamp, "files": dict(stamp["files"])}
        reason = f"it is of {stamp['package']}"
    except RecursionError:
        reason = "it is nested too deeply"
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
    # Not even FORCE overwrites what may be somebody else's.
    raise VendorError(
        f"{copy} is there, and is no copy of {generate.PACKAGE.name} that can be updated: its {STAMP} can't be used ({reason}). "
        "Restore that file, remove the folder, or take another NAME."
    )


def _digests(package: Path) -> dict[str, str]:
    return {name: _digest(content) for name, content in contents(package).items() if name != STAMP}


def _digest(content: bytes) -> str:
    # git may check out other line ends than were committed.
    return sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def _put(fresh: Path, target: Path, replaced: Path) -> None:
    if not target.exists():
        fresh.rename(target)
        return
    target.rename(replaced)
    try:
        fresh.rename(target)
    except OSError:
        replaced.rename(target)
        raise


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; that of the process where it is None.

    Returns:
        The exit code: 0 when the copy is there and up to date, 1 when nothing was written.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.vendor", description="Copy the generated client into a code base.")
    parser.add_argument("into", type=Path, help="the folder that will hold the package's folder")
    parser.add_argument("--name", default=generate.PACKAGE.name, help="what the package will be called (default: %(default)s)")
    parser.add_argument("--parents", action="store_true", help="make the folder, and those that it lies in")
    parser.add_argument("--force", action="store_true", help="overwrite edits of an earlier copy")
    options = parser.parse_args(arguments)
    # The stamp names the contract and the generator that made the package: they must be what did.
    if generate.main(["--check"]):
        return 1
    try:
        written = vendor(options.into, options.name, force=options.force, parents=options.parents)
    except (VendorError, OSError) as error:
        say(f"nothing was copied.\n{error}", sys.stderr)
        return 1
    copy = options.into / options.name
    say(f"{copy} is {'written' if written else 'up to date'}.")
    update = json.loads((copy / STAMP).read_bytes()).get(_UPDATE)
    if written and update:
        say("\n".join([f"What changed for callers since version {update['from']}:", *update["changes"]]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
