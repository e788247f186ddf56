"""Make `generated/images_api_client` from `openapi.yaml`, or check that it is what the contract makes of it.

python -m tools.generate          write it anew
python -m tools.generate --check  compare only; exit 1 with a short diff where it differs
"""

import argparse
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.generator.contract import ContractError
from tools.generator.package_writer import GenerationError, write_package
from tools.generator.templates import FixError
from tools.generator.trees import differences

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("generated", "images_api_client")


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; that of the process where it is None.

    Returns:
        The exit code: 0 when all is well, 1 when the package differs or couldn't be made.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description="Make the generated client from openapi.yaml.")
    parser.add_argument("--check", action="store_true", help="compare what is there with what would be made")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    options = parser.parse_args(arguments)
    root: Path = options.root
    package = root / PACKAGE
    with TemporaryDirectory(prefix="images-api-") as folder:
        fresh = Path(folder) / PACKAGE.name
        try:
            write_package(root / "openapi.yaml", root / "generator-config.yml", fresh)
        except (ContractError, FixError, GenerationError) as error:
            print(f"nothing was generated.\n{error}", file=sys.stderr)
            return 1
        if options.check:
            return _check(fresh, package)
        if package.exists():
            shutil.rmtree(package)
        shutil.copytree(fresh, package)
    return 0


def _check(fresh: Path, package: Path) -> int:
    found = list(differences(fresh, package))
    if not found:
        return 0
    print("".join(found), file=sys.stderr)
    print(f"{PACKAGE} is not what openapi.yaml makes of it: run `make generate` and commit the result.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
