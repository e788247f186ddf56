"""From a reply's body, as it arrives, to its pictures in files and a small JSON document of all the rest.

A picture comes as base64 in JSON. What is kept of it is its bytes: neither its text nor the whole body is ever in memory.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any
from urllib.parse import unquote_to_bytes

import pybase64

from images_api._images.headers import HEAD, is_whole, media_type
from images_api._images.spool import Spool

_LONGEST_KEY = 64
# A small document is quicker read as a whole.
_AT_ONCE = 16 << 10
_BRACKETS = re.compile(rb"[][{}]")
# An escape that goes on in the next chunk, behind any number of whole ones.
_TORN_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_LONGEST_TORN_ESCAPE = 5
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_NOT_BASE64 = "isn't base64"
_BLANKS = b" \t\n\r\v\f"
_QUANTUM = 4
_BACKSLASH = ord("\\")
_DATA_URL = "data:"
# Nothing is decoded before so many letters are there: `data` alone is base64 too.
_SHORTEST = 8
# As many letters, each escaped, and some blanks.
_LONGEST_UNSURE = 64


class BrokenPictureError(ValueError):
    """What should be a picture is cut short, isn't base64, or isn't a picture."""


class JSONReader:
    """Reads a JSON document in pieces of any size.

    Args:
        where: Where the objects stand that have a picture, from the outermost in: the name of each object or list in its
            parent, None where it has none. What they have under `b64_json` is decoded as it comes.

    Attributes:
        size: How many bytes came.
    """

    def __init__(self, where: list[bytes | None]) -> None:
        self.size = 0
        self._where = where
        self._waiting: list[bytes] = []
        self._text = bytearray()
        self._pictures: dict[str, Base64Text] = {}
        self._torn = b""
        self._path: list[bytes | None] = []
        self._begun = 0
        self._last = b""
        self._read = self._read_between

    def write(self, chunk: bytes) -> None:
        """Take the next piece."""
        self.size += len(chunk)
        self._waiting.append(chunk)
        if self.size > _AT_ONCE:
            self._read_waiting()

    def close(self) -> None:
        """Say that nothing more comes."""

    def read(self) -> bytes:
        """Return the document as it came; base64 in lines, or with escapes in it, may be written in a simpler way."""
        pieces: list[bytes | bytearray] = [*self._waiting]
        place = 0
        for mark, picture in self._pictures.items():
            found = self._text.index(mark.encode(), place)
            pieces += [self._text[place:found], picture.text()]
            place = found + len(mark)
        return b"".join([*pieces, self._text[place:], self._torn])

    def says_something(self) -> bool:
        """Tell whether there is more than blanks."""
        return bool(self._text.strip()) or any(chunk.strip() for chunk in self._waiting)

    def document(self) -> Any:
        """Return what the document says, with a mark in place of each picture, to be given to `picture`.

        Raises:
            ValueError: It isn't JSON, or nested too deep to be read.
        """
        for picture in self._pictures.values():
            picture.check_json()
        return decode_json(b"".join(self._waiting) or bytes(self._text))

    def picture(self, text: str) -> Spool | None:
        """Return a picture of which the document gives a mark, or its text where that wasn't read as it came.

        Returns:
            The picture's bytes; None where there are none.

        Raises:
            BrokenPictureError: It isn't base64, or not that of a whole picture.
        """
        content = self._pictures[text].content() if text in self._pictures else Spool(decode_text(text))
        if not content.size:
            return None
        check_picture(content)
        return content

    def whole_pictures(self) -> list[Spool]:
        """Return the pictures that came whole, though the document may not have."""
        self._read_waiting()
        return [picture.content() for picture in self._pictures.values() if picture.is_whole()]

    def _read_waiting(self) -> None:
        chunk = b"".join(self._waiting)
        self._waiting.clear()
        place = 0
        while place < len(chunk):
            place = self._read(chunk, place)

    def _read_between(self, chunk: bytes, place: int) -> int:
        """Read what stands between two strings, to the next one's opening quote."""
        quote = chunk.find(b'"', place)
        if quote < 0:
            self._text += chunk[place:]
            return len(chunk)
        self._text += chunk[place : quote + 1]
        between = bytes(self._text[self._begun : -1]).strip()
        name = self._last if between.startswith(b":") else None
        for bracket in _BRACKETS.findall(between):
            if bracket in b"[{":
                self._path.append(name)
            elif self._path:
                self._path.pop()
            name = None
        self._begun = len(self._text)
        self._read = self._read_string
        if between == b":" and self._last == b"b64_json" and self._path == self._where:
            mark = os.urandom(8).hex()
            self._picture = self._pictures[mark] = Base64Text()
            self._text += mark.encode()
            self._read = self._read_picture
        return quote + 1

    def _read_string(self, chunk: bytes, place: int) -> int:
        quote = chunk.find(b'"', place)
        if quote < 0:
            self._text += chunk[place:]
            return len(chunk)
        self._text += chunk[place:quote]
        if not _ends_in_backslash(self._text, self._begun):
            self._end_string(_unescaped(bytes(self._text[self._begun : self._begun + _LONGEST_KEY])))
        self._text += b'"'
        return quote + 1

    def _read_picture(self, chunk: bytes, place: int) -> int:
        quote = chunk.find(b'"', place)
        if quote < 0:
            piece = self._torn + chunk[place:]
            torn = _TORN_ESCAPE.search(piece) if b"\\" in piece[-_LONGEST_TORN_ESCAPE:] else None
            self._torn = torn[1] if torn else b""
            self._picture.write(piece.removesuffix(self._torn))
            return len(chunk)
        piece, self._torn = self._torn + chunk[place:quote], b""
        if _ends_in_backslash(piece):
            self._picture.write(piece + b'"')
        else:
            self._picture.write(piece)
            self._picture.close()
            self._end_string(b"")
            self._text += b'"'
        return quote + 1

    def _end_string(self, value: bytes) -> None:
        self._last = value
        self._begun = len(self._text) + 1
        self._read = self._read_between


class Base64Text:
    """The base64 of one picture in a JSON string, as it comes: in either alphabet, in lines or not, padded or not."""

    def __init__(self) -> None:
        self._content = Spool()
        self._rest = b""
        self._kept: bytearray | None = None  # all from where it isn't base64, as it came
        self._before = 0
        self._not_json: ValueError | None = None
        self._broken: BrokenPictureError | None = None
        self._closed = False

    def write(self, piece: bytes) -> None:
        """Take the next piece of the string, in which no escape is torn apart."""
        if self._kept is not None:
            self._kept += piece
            return
        text = self._rest + piece
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
        if self._not_json is not None:
            raise self._not_json

    def content(self) -> Spool:
        """Return what the base64 stands for.

        Raises:
            BrokenPictureError: It isn't base64.
        """
        if self._broken is not None:
            raise self._broken
        return self._content

    def is_whole(self) -> bool:
        """Tell whether the string has ended and is a whole picture."""
        try:
            check_picture(self.content())
        except BrokenPictureError:
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
            self._broken = BrokenPictureError(_NOT_BASE64)
            self._rest, self._kept, self._before = b"", bytearray(text), self._content.size

    def _read_kept(self, kept: bytes) -> None:
        try:
            text = json.loads(b'"%b"' % kept)
        except ValueError as error:
            self._not_json = error
            return
        if not self._before and text.startswith(_DATA_URL):
            try:
                self._content, self._broken = Spool(decode_data_url(text)), None
            except BrokenPictureError as error:
                self._broken = error


def decode_json(body: bytes) -> Any:
    """Return a JSON body.

    Raises:
        ValueError: It isn't JSON, or nested too deep to be read.
    """
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def decode_text(text: str) -> bytes:
    """Return the bytes that a text stands for: base64 in either alphabet, in lines or not, padded or not; or a `data:` URL.

    Raises:
        BrokenPictureError: It isn't base64.
    """
    return decode_data_url(text) if text.startswith(_DATA_URL) else _decode_base64(text)


def decode_data_url(url: str) -> bytes:
    """Return what a `data:` URL holds, in base64 or percent-encoded.

    Raises:
        BrokenPictureError: It holds something that isn't base64 though it says so.
    """
    head, _, data = url.partition(",")
    content = unquote_to_bytes(data.encode(errors="surrogatepass"))
    return _decode_base64(content.decode("ascii", errors="replace")) if head.endswith(";base64") else content


def check_picture(content: Spool) -> None:
    """Check that bytes are a whole picture.

    Raises:
        BrokenPictureError: They are cut short, or begin like no picture.
    """
    with content.open() as file:
        head = file.read(HEAD)
        if media_type(head) is None:
            raise BrokenPictureError(f"isn't a picture: it begins with {head[:16]!r}" if head else "is empty")
        if not is_whole(file):
            raise BrokenPictureError(f"is cut short after {content.size} bytes")


def _decode_base64(text: str) -> bytes:
    try:
        return _decoded(_standard(text).rstrip(b"="))
    except ValueError as error:
        raise BrokenPictureError(_NOT_BASE64) from error


def _standard(text: str) -> bytes:
    """Return base64 in the standard alphabet and one line."""
    return text.encode("ascii").translate(_FROM_URL_SAFE, _BLANKS)


def _decoded(text: bytes) -> bytes:
    return pybase64.b64decode(text + b"=" * (-len(text) % _QUANTUM), validate=True)


def _ends_in_backslash(text: bytes | bytearray, begin: int = 0) -> bool:
    """Tell whether a string so far ends in a backslash that is no escaped one."""
    end = len(text)
    while end > begin and text[end - 1] == _BACKSLASH:
        end -= 1
    return (len(text) - end) % 2 == 1


def _unescaped(key: bytes) -> bytes:
    if b"\\" not in key:
        return key
    try:
        return bytes(json.loads(b'"%b"' % key).encode())
    except ValueError:
        return key  # no JSON, or no key that is looked for
