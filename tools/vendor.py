"""Copy the generated client into another code base, with a stamp that says what it is and notices edits.

make vendor INTO=folder               writes folder/images_api_client
make vendor INTO=folder NAME=package  writes folder/package
make vendor ... FORCE=1               overwrites edits of an earlier copy
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from keyword import iskeyword
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tools import generate
from tools.generator.trees import contents

STAMP = "VENDORED.json"


class VendorError(Exception):
    """Nothing was copied; the message says why, and what to do."""


def vendor(into: Path, name: str = generate.PACKAGE.name, *, force: bool = False) -> bool:
    """Copy the generated client, as it is in the project, or update an earlier copy.

    Args:
        into: The folder that will hold the package's folder.
        name: What the package will be called there.
        force: Whether to overwrite edits of an earlier copy. A folder that is no copy is never overwritten.

    Returns:
        Whether anything was written; False says that the copy was up to date.

    Raises:
        VendorError: The name or the folder can't be used, or the earlier copy was edited.
        OSError: The folder can't be written; an earlier copy is still as it was.
    """
    if not name.isidentifier() or iskeyword(name):
        raise VendorError(f"NAME must be one Python identifier, is {name!r}; INTO may be a folder within a package.")
    if not into.is_dir():
        raise VendorError(f"INTO must be a folder that is there: {into} is none.")
    target = (into / name).resolve()  # what a symbolic link stands for, so that the link survives
    with TemporaryDirectory(prefix=f".{name}-", dir=target.parent) as folder:
        # Beside the target, so that renaming is enough to put it there, whole or not at all.
        fresh = Path(folder, "fresh")
        shutil.copytree(generate.ROOT / generate.PACKAGE, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(generate.ROOT / "LICENSE", fresh / "LICENSE")
        text = json.dumps(_stamp(fresh, name), indent=2) + "\n"
        (fresh / STAMP).write_text(text, encoding="utf-8", newline="\n")
        if target.exists():
            edits = list(_edits(target))
            if not edits and (target / STAMP).read_text(encoding="utf-8") == text:
                return False
            if edits and not force:
                raise VendorError(
                    f"{target} was edited after it was copied:\n"
                    + "".join(f"  {edit}\n" for edit in edits)
                    + "What a formatter did counts, too: let it pass over this folder. Undo the edits, or lose them with FORCE=1."
                )
        _put(fresh, target, Path(folder, "replaced"))
    return True


def _stamp(package: Path, name: str) -> dict[str, Any]:
    # Nothing of the day or of this machine, so that the same copy has the same stamp.
    return {
        "package": generate.PACKAGE.name,
        "version": json.loads((package / "openapi.json").read_text(encoding="utf-8"))["info"]["version"],
        "contract": "sha256:" + _digest((generate.ROOT / "openapi.yaml").read_bytes()),
        "generator": f"openapi-python-client {version('openapi-python-client')}",
        "edits": "Make none, by hand or by a formatter: this is a copy. Change openapi.yaml where it comes from, and refresh it.",
        "refresh": f"make vendor INTO=<the folder that holds this one> NAME={name}",
        "files": _digests(package),
    }


def _edits(copy: Path) -> Iterator[str]:
    """Yield what was done to a copy since it was made, file by file."""
    before, now = _recorded(copy), _digests(copy)
    for file in sorted(before.keys() | now.keys()):
        if file not in now:
            yield f"deleted: {file}"
        elif file not in before:
            yield f"added: {file}"
        elif before[file] != now[file]:
            yield f"changed: {file}"


def _recorded(copy: Path) -> dict[str, str]:
    try:
        stamp = json.loads((copy / STAMP).read_bytes())
        if stamp["package"] == generate.PACKAGE.name:
            return dict(stamp["files"])
        reason = f"it is of {stamp['package']}"
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
    parser.add_argument("--force", action="store_true", help="overwrite edits of an earlier copy")
    options = parser.parse_args(arguments)
    # The stamp names the contract and the generator that made the package: they must be what did.
    if generate.main(["--check"]):
        return 1
    try:
        written = vendor(options.into, options.name, force=options.force)
    except (VendorError, OSError) as error:
        print(f"nothing was copied.\n{error}", file=sys.stderr)
        return 1
    print(f"{options.into / options.name} is {'written' if written else 'up to date'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
