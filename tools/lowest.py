"""Print, as constraints for pip, the lowest versions that pyproject.toml allows of what the distribution and its extras need."""

import sys
import tomllib
from collections.abc import Iterator
from typing import Any

from packaging.requirements import Requirement

from tools.generate import ROOT


class NoLowestError(Exception):
    """A requirement doesn't say from which version on it is met."""


def lowest(project: dict[str, Any]) -> Iterator[str]:
    """Yield a constraint for each requirement.

    Args:
        project: The `[project]` table of a pyproject.toml.

    Raises:
        NoLowestError: A requirement has no lower bound.
    """
    groups = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    for requirement in (Requirement(text) for group in groups for text in group):
        bounds = [each.version for each in requirement.specifier if each.operator in {">=", "~=", "=="}]
        if len(bounds) != 1:
            raise NoLowestError(f"pyproject.toml: {requirement} must have one lower bound, as in {requirement.name}>=1.2")
        marker = f"; {requirement.marker}" if requirement.marker else ""
        yield f"{requirement.name}=={bounds[0]}{marker}"


def main() -> int:
    """Run the command.

    Returns:
        The exit code: 0 when all is well, 1 when a requirement has no lower bound.
    """
    try:
        found = list(lowest(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]))
    except NoLowestError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
