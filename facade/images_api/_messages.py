"""What may be shown to people, and where a warning points."""

from __future__ import annotations

import re
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

FOREIGN_TEXT_LIMIT = 200
_VALUE_LIMIT = 80
# More than any limit, so that a key is whole when it is looked for, and a huge text costs no more than a long one.
_LOOKED_AT = 20_000
_SHOWN_URL = 200
# What is shorter is a word that stands for a key at a server that wants none.
_SHORTEST_SECRET = 8
_PACKAGE = __name__.partition(".")[0]
# The line that called an operation stands in its generated method.
_PACKAGES = (_PACKAGE, f"{_PACKAGE}_client")


class Secrets:
    """What must be in no message, though a server quote it: the key, and what else only the server may see.

    Args:
        texts: The secrets; one of less than eight characters is a placeholder, and hides nothing.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts = tuple(text for text in texts if len(text) >= _SHORTEST_SECRET)

    def hidden_in(self, body: bytes) -> bytes:
        """Return a server's words without the secrets."""
        for text in self._texts:
            body = body.replace(text.encode(), "…".encode())
        return body

    def occur_in(self, body: bytes) -> bool:
        """Return whether a server quotes one of them."""
        return any(text.encode() in body for text in self._texts)

    def __repr__(self) -> str:
        return f"<{len(self._texts)} secrets>"


def shown(value: object) -> str:
    """Return a value's repr, cut where it is long, as it stands in error messages."""
    text = _guarded(repr, value)
    length, text = len(text), masked(text[:_LOOKED_AT])
    return text if length <= _VALUE_LIMIT else f"{text[:_VALUE_LIMIT]}… ({length} characters)"


def short(value: object) -> str:
    """Return a server's words, or whatever it sent in their place, in one line and cut where they are long."""
    text = masked(" ".join(_guarded(str, value)[:_LOOKED_AT].split()))  # servers quote the key that they refuse
    return text if len(text) <= FOREIGN_TEXT_LIMIT else text[:FOREIGN_TEXT_LIMIT] + "…"


def masked(text: str) -> str:
    """Return a text without what looks like a key in it."""
    return re.sub(r"\b(sk-|key-(?=\w*\d))[\w-]{6,}", r"\1…", text)


def unless_secret(name: str, value: object) -> object:
    """Return the value of a misplaced argument, or a mere ellipsis where its name says that it is a key."""
    return "…" if re.search("key|token|secret|auth|password", name, re.IGNORECASE) else value


def shown_url(url: str) -> str:
    """Return a URL as it may be shown: without the user, query and fragment, which may be secret, and not too long."""
    if url.startswith("data:"):
        return "data:"
    address = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"^(\w+://)?.*@", r"\1", address)[:_SHOWN_URL]


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
