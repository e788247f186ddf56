"""Texts, headers and URLs of which no display shows what only their server may see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "…"
_NAMES = re.compile(r"key|token|secret|auth|passw|pwd|cookie|credential|session|sig(nature)?$", re.IGNORECASE)
_SCHEMES = re.compile(rb"(bearer|basic|digest|token)\s", re.IGNORECASE)


class Secret(str):
    """A text whose repr hides it, and that of its bytes, so that no display of variables shows it. Its value is as it was."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return its bytes, which hide themselves too: httpx makes headers of them, and h11 events that can be shown."""
        return SecretBytes(super().encode(encoding, errors))


class SecretBytes(bytes):
    """Bytes like a `Secret`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(HIDDEN)

    def __bytes__(self) -> bytes:
        return self

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return its text, which hides itself too."""
        return Secret(super().decode(encoding, errors))


class SentURL(httpx.URL):
    """A URL as it is sent, whose text doesn't show a password or a key in its query: httpx logs the text of each."""

    def __str__(self) -> str:
        url = re.sub(r"(?<=://)[^/?#]*@", "", super().__str__())
        return re.sub(r"([?&]([^=&#]*)=)[^&#]*", lambda field: field[1] + HIDDEN if is_secret(field[2]) else field[0], url)

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"


def is_secret(name: str) -> bool:
    """Return whether what has such a name is to be seen by nobody."""
    return _NAMES.search(name) is not None


def concealed(value: Any) -> Any:
    """Return a text as a `Secret`, and all else as it is."""
    return Secret(value) if isinstance(value, str) else value


def conceal_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return headers in which what can be a key is a `Secret`, by the header's name or by how its value begins."""
    return {
        name: concealed(value) if is_secret_header(str(name), str(value).encode(errors="replace")) else value
        for name, value in headers.items()
    }


def is_secret_header(name: str, value: bytes) -> bool:
    """Return whether a header can carry a key, by its name or by how its value begins."""
    return isinstance(value, SecretBytes) or is_secret(name) or _SCHEMES.match(value) is not None
