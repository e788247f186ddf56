"""What only its server may see: values that hide themselves, and what must be in no message though somebody quote it."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Self

import httpx

HIDDEN = "…"
_NAMES = re.compile(r"key|token|secret|auth|passw|pwd|cookie|credential|session|sig(nature)?$")
_SCHEMES = re.compile(r"(bearer|basic|digest|token)\s", re.IGNORECASE)
# What is shorter is a word that stands for a key at a server that wants none.
_SHORTEST_SECRET = 8
# Without one of these, a text stands for itself.
_ESCAPES = re.compile(rb"[\\%\0]")
_LOOKS_LIKE_A_KEY = re.compile(r"\b(sk-|key-(?=\w*\d)|bearer\s+(?=\S*\d))[\w-]{6,}(?:[.~+/=]+[\w-]+)*", re.IGNORECASE)


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
        url = re.sub(r"://[^/?#]*@", "://", super().__str__())
        return re.sub(r"([?&]([^=&#]*)=)[^&#]*", lambda field: field[1] + HIDDEN if is_secret(field[2]) else field[0], url)

    def __repr__(self) -> str:
        return f"URL({str(self)!r})"


def is_secret(name: str) -> bool:
    """Return whether what has such a name is to be seen by nobody."""
    return _NAMES.search(name.casefold()) is not None  # a pattern without case is searched ten times as fast


def concealed(value: Any) -> Any:
    """Return a text as a `Secret`, and all else as it is."""
    return Secret(value) if isinstance(value, str) else value


def conceal_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return headers in which what can be a key is a `Secret`, by the header's name or by how its value begins."""
    secret = [name for name, value in headers.items() if is_secret(str(name)) or _SCHEMES.match(str(value))]
    return {**headers, **{name: concealed(headers[name]) for name in secret}}


class Secrets:
    """What must be in no message, though a server quote it: the key, and what else only the server may see.

    Args:
        texts: The secrets; one of less than eight characters is a placeholder, and hides nothing.
    """

    def __init__(self, texts: Iterable[bytes] = ()) -> None:
        self._texts = tuple(text for text in texts if len(text) >= _SHORTEST_SECRET)

    @classmethod
    def of(cls, request: httpx.Request) -> Self:
        """Return what a request says that only its server may see: what is concealed in its headers, cookies, and in its URL."""
        url = request.url
        queried = [value for name, value in url.params.multi_items() if is_secret(name)] if url.query else []
        values = [value for name, value in request.headers.raw if isinstance(value, SecretBytes) or name == b"Cookie"]
        # A scheme before a key, and the name of a cookie, may be quoted without each other.
        parts = [part for value in values for part in re.split(rb"[\s;=]+", value)]
        return cls([*values, *parts, *map(str.encode, [*queried, url.username, url.password] if url.userinfo else queried)])

    def hidden_in(self, words: bytes) -> bytes:
        """Return somebody's words without the secrets."""
        is_free = not _ESCAPES.search(words) and not any(text in words for text in self._texts)
        return words if is_free or not self._texts else _quoted(self._texts).sub(HIDDEN.encode(), words)

    def hidden_in_headers(self, headers: httpx.Headers) -> httpx.Headers:
        """Return headers without the secrets."""
        raw = headers.raw
        said = b"\n".join([value for _, value in raw])
        return headers if self.hidden_in(said) == said else httpx.Headers([(name, self.hidden_in(value)) for name, value in raw])

    def hide_in_error(self, error: BaseException | None) -> None:
        """Take the secrets out of an error's words, and out of those of its causes: some quote what a server sent."""
        while error is not None:
            error.args = tuple(
                self.hidden_in(each.encode(errors="replace")).decode() if isinstance(each, str) else each for each in error.args
            )
            error = error.__cause__ or error.__context__

    def __repr__(self) -> str:
        return f"<{len(self._texts)} secrets>"


def masked(text: str) -> str:
    """Return a text without what looks like a key in it."""
    return _LOOKS_LIKE_A_KEY.sub(rf"\1{HIDDEN}", text)


@lru_cache(maxsize=16)
def _quoted(secrets: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Return what finds secrets as they are, with any character escaped as in JSON or in a URL, and in UTF-16 or UTF-32."""
    return re.compile(b"|".join(rb"\x00{0,3}".join(map(_spelled, secret)) for secret in sorted(secrets, key=len, reverse=True)))


def _spelled(byte: int) -> bytes:
    return rb"(?:\\*%b|\\+u(?i:%04x)|%%(?i:%02x))" % (re.escape(bytes([byte])), byte, byte)
