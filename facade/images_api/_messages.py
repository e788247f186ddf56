"""What may be shown to people, and where a warning points."""

from __future__ import annotations

import re
import sys
import warnings
from typing import TYPE_CHECKING

from ._secrets import masked

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

FOREIGN_TEXT_LIMIT = 200
_VALUE_LIMIT = 80
# More than any limit, so that a key is whole when it is looked for, and a huge text costs no more than a long one.
_LOOKED_AT = 20_000
# The line that called an operation stands in its generated method.
_PACKAGES = tuple(__name__.partition(".")[0] + part for part in ("", "_client"))


def shown(value: object) -> str:
    """Return a value's repr, cut where it is long, as it stands in error messages."""
    text = _guarded(repr, value)
    length, text = len(text), masked(text[:_LOOKED_AT])
    return text if length <= _VALUE_LIMIT else f"{text[:_VALUE_LIMIT]}… ({length} characters)"


def short(value: object) -> str:
    """Return a server's words, or whatever it sent in their place, in one line and cut where they are long."""
    text = masked(" ".join(_guarded(str, value)[:_LOOKED_AT].split()))  # servers quote the key that they refuse
    return text if len(text) <= FOREIGN_TEXT_LIMIT else text[:FOREIGN_TEXT_LIMIT] + "…"


def shown_url(url: str) -> str:
    """Return a URL as it may be shown: without the user, query and fragment, which may be secret, and not too long."""
    if url.startswith("data:"):
        return "data:"
    address = re.split(r"[?#]", url, maxsplit=1)[0]
    return (re.sub(r"^(\w+://)?.*@", r"\1", address) if "@" in address else address)[:FOREIGN_TEXT_LIMIT]


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, and point to the first line outside this package and the generated one.

    Args:
        message: What to say.
        category: The kind of warning.
    """
    level = 1
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  Python 3.12's skip_file_prefixes does the same in public
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _PACKAGES:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _guarded(text_of: Callable[[object], str], value: object) -> str:
    """Return what `str` or `repr` makes of a value that may be nested deeper than either can follow, or somebody's own."""
    try:
        return text_of(value)
    except Exception as error:  # noqa: BLE001
        return f"a {type(value).__name__} that can't be shown ({type(error).__name__})"
