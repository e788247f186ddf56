"""Mend openapi-python-client's templates, as fixes.toml says."""

import tomllib
from collections import defaultdict
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path

FIXES = Path(__file__).with_name("fixes.toml")
_REMEDY = (
    "Rewrite it in tools/generator/fixes.toml for the generator that is installed, or delete it: its test in "
    "tests/generator/test_generated_fixes.py says whether it is still needed."
)


class FixError(Exception):
    """A fix no longer fits the template that it mends; the message says which and what to do."""


@dataclass(frozen=True)
class Fix:
    """One exact replacement in one template."""

    id: str
    template: str
    reason: str
    link: str
    find: str
    replace: str

    def apply(self, text: str) -> str:
        """Return the template's text with the fix in it.

        Args:
            text: The template, other fixes included.

        Raises:
            FixError: What the fix replaces isn't there, or is there more than once.
        """
        found = text.count(self.find)
        if found != 1:
            raise FixError(
                f"the fix {self.id!r} no longer applies: what it replaces in {self.template} is there {found} times, not once. "
                f"Its reason: {self.reason} {_REMEDY}"
            )
        return text.replace(self.find, self.replace)


def read_fixes() -> list[Fix]:
    """Read all fixes, in the order in which they are applied.

    Raises:
        FixError: The file is gone or isn't TOML, or a fix has keys too few or too many.
    """
    try:
        return [Fix(**fix) for fix in tomllib.loads(FIXES.read_text(encoding="utf-8"))["fix"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        keys = ", ".join(each.name for each in fields(Fix))
        raise FixError(f"{FIXES}: {error}. It holds tables `[[fix]]`, each with the keys {keys} and no others.") from error


def write_templates(fixes: list[Fix], folder: Path) -> None:
    """Write the mended templates.

    Args:
        fixes: What to mend.
        folder: Where the mended templates go; the generator takes all others from its own package.

    Raises:
        FixError: A fix doesn't apply, or its template is gone.
    """
    by_template: defaultdict[str, list[Fix]] = defaultdict(list)
    for fix in fixes:
        by_template[fix.template].append(fix)
    originals = files("openapi_python_client") / "templates"
    for name, mends in by_template.items():
        original = originals / name
        if not original.is_file():
            raise FixError(f"the fix {mends[0].id!r} no longer applies: the generator has no template {name}. {_REMEDY}")
        text = original.read_text(encoding="utf-8")
        for fix in mends:
            text = fix.apply(text)
        (folder / name).write_text(text, encoding="utf-8")
