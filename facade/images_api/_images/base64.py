"""From base64, as it comes, to the bytes of one image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import pybase64

from .ends import is_whole
from .headers import HEAD, media_type

if TYPE_CHECKING:
    from .spool import Content

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_NOT_BASE64 = "isn't base64"
_BLANKS = b" \t\n\r\v\f"
_QUANTUM = 4
_DATA_URL = "data:"
# Nothing is decoded before so many letters are there: `data` alone is base64 too.
_SHORTEST = 8
# As many letters, each escaped, and some blanks.
_LONGEST_UNSURE = 64


class BrokenImageError(ValueError):
    """What should be an image is cut short, isn't base64, or isn't an image."""


class Base64Text:
    """The base64 of one image in a JSON string, as it comes: in either alphabet, in lines or not, padded or not.

    Args:
        content: Takes the image's bytes.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._rest = b""
        self._kept: bytearray | None = None  # all from where it isn't base64, as it came
        self._before = 0
        self._broken = False
        self._not_json = ""  # the words of the error, which itself would hold on to all that was at hand when it arose
        self._closed = False

    def write(self, chunk: bytes) -> None:
        """Take the next chunk of the string, in which no escape is torn apart."""
        if self._kept is not None:
            self._kept += chunk
            return
        text = self._rest + chunk
        if not self._content.size and len(text) < _SHORTEST:
            self._rest = text
            return
        whole = len(text) - len(text) % _QUANTUM
        try:
            if b"=" in text[-_QUANTUM:]:
                self._write_unusual(text)
            else:
                self._content.write(pybase64.b64decode(memoryview(text)[:whole], validate=True))
                self._rest = text[whole:]
        except ValueError:
            self._write_unusual(text)

    def close(self) -> None:
        """Say that the string has ended."""
        self._closed = True
        if self._kept is None:
            self._write_unusual(self._rest, last=True)
        if self._kept is not None:
            self._read_kept(bytes(self._kept))
        self._content.close()

    def text(self) -> bytes:
        """Return the text, in a simpler way than it came where that had escapes or lines."""
        content = self._content.read()[: self._before] if self._kept is not None else self._content.read()
        return pybase64.b64encode(content) + self._rest + (self._kept or b"")

    def check_json(self) -> None:
        """Raise a ValueError if the text can't stand in a JSON string."""
        if self._not_json:
            raise ValueError(self._not_json)

    def content(self) -> Content:
        """Return what the base64 stands for.

        Raises:
            BrokenImageError: It isn't base64.
        """
        if self._broken:
            raise BrokenImageError(_NOT_BASE64)
        return self._content

    def is_whole(self) -> bool:
        """Tell whether the string has ended and is a whole image."""
        try:
            check_image(self.content())
        except BrokenImageError:
            return False
        return self._closed

    def _write_unusual(self, text: bytes, *, last: bool = False) -> None:
        try:
            plain = _standard(json.loads(b'"%b"' % text))
            bare = plain.rstrip(b"=")
            if bare.translate(None, _ALPHABET):
                raise ValueError(_NOT_BASE64)  # noqa: TRY301  as bad as what the decoder finds
            whole = len(bare) if last else len(bare) - len(bare) % _QUANTUM
            if not (self._content.size or last) and whole < _SHORTEST and len(text) < _LONGEST_UNSURE:
                self._rest = text
                return
            self._content.write(_decoded(bare[:whole]))
            self._rest = b"" if last else plain[whole:][:_SHORTEST]  # with padding, behind which nothing may come
        except ValueError:
            self._broken = True
            self._rest, self._kept, self._before = b"", bytearray(text), self._content.size

    def _read_kept(self, kept: bytes) -> None:
        try:
            text = json.loads(b'"%b"' % kept)
        except ValueError as error:
            self._not_json = str(error)
            return
        if not self._before and text.startswith(_DATA_URL):
            try:
                self._content.write(decode_data_url(text))
            except BrokenImageError:
                return
            self._broken = False


def decode_text(text: str) -> bytes:
    """Return the bytes that a text stands for: base64 in either alphabet, in lines or not, padded or not; or a `data:` URL.

    Raises:
        BrokenImageError: It isn't base64.
    """
    return decode_data_url(text) if text.startswith(_DATA_URL) else _decode_base64(text)


def decode_data_url(url: str) -> bytes:
    """Return what a `data:` URL holds, in base64 or percent-encoded.

    Raises:
        BrokenImageError: It holds something that isn't base64 though it says so.
    """
    head, _, data = url.partition(",")
    content = unquote_to_bytes(data.encode(errors="surrogatepass"))
    return _decode_base64(content.decode("ascii", errors="replace")) if head.endswith(";base64") else content


def check_image(content: Content) -> None:
    """Check that bytes are a whole image.

    Raises:
        BrokenImageError: They are cut short, or begin like no image.
    """
    with content.open() as file:
        head = file.read(HEAD)
        if media_type(head) is None:
            raise BrokenImageError(f"isn't an image: it begins with {head[:16]!r}" if head else "is empty")
        if not is_whole(file):
            raise BrokenImageError(f"is cut short after {content.size} bytes")


def _decode_base64(text: str) -> bytes:
    try:
        return _decoded(_standard(text).rstrip(b"="))
    except ValueError as error:
        raise BrokenImageError(_NOT_BASE64) from error


def _standard(text: str) -> bytes:
    """Return base64 in the standard alphabet and one line."""
    return text.encode("ascii").translate(_FROM_URL_SAFE, _BLANKS)


def _decoded(text: bytes) -> bytes:
    return pybase64.b64decode(text + b"=" * (-len(text) % _QUANTUM), validate=True)
