"""From a reply's body, as it arrives, to its pictures in files and a small JSON document of all the rest.

A picture comes as base64 in JSON. What is kept of it is its bytes: neither its text nor the whole body is ever in memory.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from images_api._images.base64 import Base64Text, check_picture, decode_text
from images_api._images.spool import Spool

_LONGEST_KEY = 64
# A small document is quicker read as a whole.
_AT_ONCE = 16 << 10
_BRACKETS = re.compile(rb"[][{}]")
# An escape that goes on in the next chunk, behind any number of whole ones.
_TORN_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_LONGEST_TORN_ESCAPE = 5
_BACKSLASH = ord("\\")


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


def decode_json(body: bytes) -> Any:
    """Return a JSON body.

    Raises:
        ValueError: It isn't JSON, or nested too deep to be read.
    """
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


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
