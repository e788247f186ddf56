"""From a response's body, as it arrives, to its images and a small JSON document of all the rest.

An image comes as base64 in JSON. What is kept of it is its bytes: neither its text nor the whole body is ever in memory.
"""

from __future__ import annotations

import json
import os
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from images_api._images.base64 import Base64Text, check_image, decode_text
from images_api._images.spool import Content

if TYPE_CHECKING:
    from collections.abc import Callable

    from images_api._images.spool import Spool

_LONGEST_KEY = 64
# A small document is quicker read as a whole.
_AT_ONCE = 16 << 10
_BRACKETS = re.compile(rb"[][{}]")
# An escape that goes on in the next chunk, behind any number of whole ones.
_TORN_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_LONGEST_TORN_ESCAPE = 5
_BACKSLASH = ord("\\")
# Deeper than any server has a use for. Some Pythons read a thousand times as much, and can't show, copy or pickle it.
_DEEPEST = 100
_TOO_DEEP = "nested too deep"


class JSONReader:
    """Reads a JSON document in chunks of any size.

    Args:
        where: Where the objects stand that have an image, from the outermost in: the name of each object or list in its
            parent, None where it has none. What they have under `b64_json` is decoded as it comes.
        spool: Takes the images.

    Attributes:
        size: How many bytes came.
    """

    def __init__(self, where: list[bytes | None], spool: Spool) -> None:
        self.size = 0
        self._where = where
        self._spool = spool
        self._waiting: list[bytes] = []
        self._text = bytearray()
        self._images: dict[str, Base64Text] = {}
        self._torn = b""
        self._path: list[bytes | None] = []
        self._begun = 0
        self._last = b""
        # A function, not a method of this object: a circle would keep the images until the garbage collector comes.
        self._read: Callable[[JSONReader, bytes, int], int] = JSONReader._read_between

    def write(self, chunk: bytes) -> None:
        """Take the next chunk."""
        self.size += len(chunk)
        self._waiting.append(chunk)
        if self.size > _AT_ONCE:
            self._read_waiting()

    def close(self) -> None:
        """Say that nothing more comes."""

    def read(self) -> bytes:
        """Return the document as it came; base64 in lines, or with escapes in it, may be written in a simpler way."""
        parts: list[bytes | bytearray] = [*self._waiting]
        offset = 0
        for mark, image in self._images.items():
            found = self._text.index(mark.encode(), offset)
            parts += [self._text[offset:found], image.text()]
            offset = found + len(mark)
        return b"".join([*parts, self._text[offset:], self._torn])

    def says_something(self) -> bool:
        """Tell whether there is more than blanks."""
        return bool(self._text.strip()) or any(chunk.strip() for chunk in self._waiting)

    def document(self) -> Any:
        """Return what the document says, with a mark in place of each image, to be given to `image`.

        Raises:
            ValueError: It isn't JSON, or nested too deep to be read.
        """
        for image in self._images.values():
            image.check_json()
        return decode_json(b"".join(self._waiting) or bytes(self._text))

    def image(self, text: str) -> Content | None:
        """Return an image of which the document gives a mark, or its text where that wasn't read as it came.

        Returns:
            The image's bytes; None where there are none.

        Raises:
            BrokenImageError: It isn't base64, or not that of a whole image.
        """
        content = self._images[text].content() if text in self._images else Content.of(decode_text(text))
        if not content.size:
            return None
        check_image(content)
        return content

    def whole_images(self) -> list[Content]:
        """Return the images that came whole, though the document may not have."""
        self._read_waiting()
        return [image.content() for image in self._images.values() if image.is_whole()]

    def _read_waiting(self) -> None:
        chunk = b"".join(self._waiting)
        self._waiting.clear()
        offset = 0
        while offset < len(chunk):
            offset = self._read(self, chunk, offset)

    def _read_between(self, chunk: bytes, offset: int) -> int:
        """Read what stands between two strings, to the next one's opening quote."""
        quote = chunk.find(b'"', offset)
        if quote < 0:
            self._text += chunk[offset:]
            return len(chunk)
        self._text += chunk[offset : quote + 1]
        between = bytes(self._text[self._begun : -1]).strip()
        name = self._last if between.startswith(b":") else None
        for bracket in _BRACKETS.findall(between):
            if bracket in b"[{":
                self._path.append(name)
            elif self._path:
                self._path.pop()
            name = None
        self._begun = len(self._text)
        self._read = JSONReader._read_string
        if between == b":" and self._last == b"b64_json" and self._path == self._where:
            mark = os.urandom(8).hex()
            self._image = self._images[mark] = Base64Text(self._spool.new())
            self._text += mark.encode()
            self._read = JSONReader._read_image
        return quote + 1

    def _read_string(self, chunk: bytes, offset: int) -> int:
        quote = chunk.find(b'"', offset)
        if quote < 0:
            self._text += chunk[offset:]
            return len(chunk)
        self._text += chunk[offset:quote]
        if not _ends_in_backslash(self._text, self._begun):
            self._end_string(_unescaped(bytes(self._text[self._begun : self._begun + _LONGEST_KEY])))
        self._text += b'"'
        return quote + 1

    def _read_image(self, chunk: bytes, offset: int) -> int:
        quote = chunk.find(b'"', offset)
        if quote < 0:
            text = self._torn + chunk[offset:]
            torn = _TORN_ESCAPE.search(text) if b"\\" in text[-_LONGEST_TORN_ESCAPE:] else None
            self._torn = torn[1] if torn else b""
            self._image.write(text.removesuffix(self._torn))
            return len(chunk)
        text, self._torn = self._torn + chunk[offset:quote], b""
        if _ends_in_backslash(text):
            self._image.write(text + b'"')
        else:
            self._image.write(text)
            self._image.close()
            self._end_string(b"")
            self._text += b'"'
        return quote + 1

    def _end_string(self, value: bytes) -> None:
        self._last = value
        self._begun = len(self._text) + 1
        self._read = JSONReader._read_between


def decode_json(body: bytes) -> Any:
    """Return a JSON body.

    Raises:
        ValueError: It isn't JSON, or nested too deep to be of use.
    """
    try:
        document: object = json.loads(body)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if body.count(b"[") + body.count(b"{") > _DEEPEST and _is_deep(document):
        raise ValueError(_TOO_DEEP)
    return document


def _is_deep(document: object) -> bool:
    level, depth = [document], 0
    while level and depth < _DEEPEST:
        lists = chain.from_iterable(each for each in level if isinstance(each, list))
        values = chain.from_iterable(each.values() for each in level if isinstance(each, dict))
        level, depth = [*lists, *values], depth + 1
    return bool(level)


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
