"""From base64, as it comes, to the bytes of one image."""

import json
import re
from contextlib import suppress
from urllib.parse import unquote_to_bytes

import pybase64

from .headers import is_whole, media_type
from .spool import Content

_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_QUANTUM = 4
_LONGEST_PADDING = 8
# What is shorter, or begins otherwise, is some other text.
_BEGINNING = re.compile(r"\s*(data:[^,]{0,100};base64,)?([/\w+-]{48,88})", re.ASCII)


class BrokenImageError(ValueError):
    """What should be an image is cut short, isn't base64, or isn't an image."""


class Base64Text:
    """The base64 of one image in a JSON string, as it comes: in either alphabet, in lines or not, padded or not.

    Args:
        content: Takes the image's bytes.
        prefix: What stands before the base64, such as the beginning of a `data:` URL.
    """

    def __init__(self, content: Content, prefix: bytes) -> None:
        self.content, self._prefix = content, prefix
        self._rest, self._closed = b"", False

    def write(self, chunk: bytes, *, last: bool = False) -> None:
        """Take the next chunk of the string, in which no escape is torn apart.

        Raises:
            ValueError: It isn't base64, and is not taken.
        """
        text = self._rest + chunk
        if not last and b"=" not in text[-_QUANTUM:]:
            whole = len(text) & -_QUANTUM
            with suppress(ValueError):
                self.content.write(pybase64.b64decode(memoryview(text)[:whole], validate=True))
                self._rest = text[whole:]
                return
        plain = _standard(json.loads(b'"%b"' % text).encode("ascii"))
        bare = plain.rstrip(b"=")
        whole = len(bare) if last else len(bare) & -_QUANTUM
        if len(plain) - whole > _LONGEST_PADDING:
            raise ValueError("too much padding")
        self.content.write(_decoded(bare[:whole]))
        self._rest = b"" if last else plain[whole:]
        if last:
            self.content.close()
            self._closed = True

    def text(self) -> bytes:
        """Return the text, in a simpler way than it came where that had escapes or lines."""
        return self._prefix + pybase64.b64encode(self.content.read()) + self._rest

    def is_whole(self) -> bool:
        """Tell whether the string has ended and is a whole image."""
        with self.content.open() as file:
            return self._closed and is_whole(file)


def image_beginning(text: str) -> str | None:
    """Return what stands before the base64 of an image, such as the beginning of a `data:` URL; None if a text is none."""
    if not (found := _BEGINNING.match(text)):
        return None
    head = _decoded(_standard(found[2].encode())[: len(found[2]) & -_QUANTUM])
    # Two bytes begin this one format; a path that begins with `/wo` stands for them, too.
    return (found[1] or "") if media_type(head) and not head.startswith(b"\xff\x0a") else None


def decode_text(text: str) -> bytes:
    """Return the bytes that a text stands for: base64 in either alphabet, in lines or not, padded or not; or a `data:` URL.

    What such a URL holds may be percent-encoded instead.

    Raises:
        BrokenImageError: It isn't base64, though it says so where it is a URL.
    """
    head, _, data = (text if text.startswith("data:") else f"data:;base64,{text}").partition(",")
    content = data.encode(errors="surrogatepass")
    content = unquote_to_bytes(content) if text.startswith("data:") else content
    try:
        return _decoded(_standard(content).rstrip(b"=")) if head.endswith(";base64") else content
    except ValueError as error:
        raise BrokenImageError("isn't base64") from error


def check_image(content: Content) -> None:
    """Check that bytes are a whole image.

    Raises:
        BrokenImageError: They are cut short, or begin like no image.
    """
    with content.open() as file:
        if is_whole(file):
            return
    head = content.beginning()
    if media_type(head) is None:
        raise BrokenImageError(f"isn't an image: it begins with {head[:16]!r}" if head else "is empty")
    raise BrokenImageError(f"is cut short after {content.size} bytes")


def _standard(text: bytes) -> bytes:
    """Return base64 in the standard alphabet and one line."""
    return text.translate(_FROM_URL_SAFE, b" \t\n\r\v\f")


def _decoded(text: bytes) -> bytes:
    return pybase64.b64decode(text + b"=" * (-len(text) % _QUANTUM), validate=True)
