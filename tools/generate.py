"""Make `generated/images_api_client` and `docs/reference` from `openapi.yaml`, or check that they are what it makes of them.

python -m tools.generate             write them anew, and tell what changed for callers since HEAD; exit 1 when they can't be made
python -m tools.generate --base REV  the same, since another revision
python -m tools.generate --check     compare only; exit 1 with a short diff where they differ
"""

import argparse
import shutil
import sys
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.terminal import say

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("generated", "images_api_client")
REFERENCE = Path("docs", "reference")
_MAKERS = {PACKAGE: "tools/generator", REFERENCE: "tools/reference"}
_CONTRACT = PACKAGE / "openapi.json"
_HEAD = "HEAD"
_MOST_FILES = 8


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; that of the process where it is None.

    Returns:
        The exit code: 0 when all is well, 1 when something differs or couldn't be made.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.generate", description="Make the generated client and the reference from openapi.yaml."
    )
    parser.add_argument("--check", action="store_true", help="compare what is there with what would be made")
    parser.add_argument("--base", metavar="REVISION", help="tell what changed since this revision instead of HEAD")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    options = parser.parse_args(arguments)
    try:
        return _run(options.root, options.base, check=options.check)
    except ModuleNotFoundError as error:
        print(f"{error.name} isn't installed: `make clean generate` installs what pyproject.toml asks for.", file=sys.stderr)
        return 1


def _run(root: Path, base: str | None, *, check: bool) -> int:
    # Not before it is known that they can be imported.
    from tools.generator.contract import ContractError
    from tools.generator.package_writer import GenerationError, write_package
    from tools.generator.pins import PinError, check_pins
    from tools.generator.templates import FixError
    from tools.reference.writing import ReferenceFailedError, write_reference
    from tools.revisions import RevisionError, check_revision

    if base is not None:
        try:
            check_revision(base, root)
        except RevisionError as error:
            return _refuse(error)
    with TemporaryDirectory(prefix="images-api-") as folder:
        made = {where: Path(folder) / where for where in (PACKAGE, REFERENCE)}
        try:
            check_pins(ROOT / "pyproject.toml")
            write_package(root / "openapi.yaml", root / "generator-config.yml", made[PACKAGE])
            write_reference(made[PACKAGE], made[REFERENCE])
        except (ContractError, FixError, GenerationError, PinError, ReferenceFailedError) as error:
            return _refuse(error)
        if check:
            return max([_compare(fresh, root / where, where) for where, fresh in made.items()])
        for where, fresh in made.items():
            if (root / where).exists():
                shutil.rmtree(root / where)
            shutil.copytree(fresh, root / where)
    say(_changes(root, base or _HEAD))
    return 0


def _refuse(error: Exception) -> int:
    say(f"{PACKAGE} and {REFERENCE} were left as they are.\n{error}", sys.stderr)
    return 1


def _changes(root: Path, base: str) -> str:
    from tools.changes import changes
    from tools.revisions import RevisionError, content_at

    try:
        return changes(content_at(base, root, _CONTRACT), (root / _CONTRACT).read_bytes(), base)
    except RevisionError as error:
        return f"What changed for callers can't be told. {error}"


def _compare(fresh: Path, there: Path, where: Path) -> int:
    from tools.generator.trees import differences

    found = differences(fresh, there)
    shown, rest = list(islice(found, _MOST_FILES)), len(list(found))
    if not shown:
        return 0
    say(("".join(shown) + (f"... and {rest} more files differ" if rest else "")).rstrip("\n"), sys.stderr)
    say(
        f"{where} is not what openapi.yaml makes of it. Nobody edits it: what it should say belongs to openapi.yaml or "
        f"{_MAKERS[where]}. Run `make generate` and commit the result.",
        sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
