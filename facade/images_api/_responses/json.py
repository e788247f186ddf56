"""From a JSON body, as it arrives, to its images and a small document of all the rest.

An image comes as base64 in JSON. What is kept of it is its bytes: neither its text nor the whole body is ever in memory.
"""

import os
import re
from contextlib import suppress
from typing import Any

import httpx

from images_api._contract.document import decode_json
from images_api._images.base64 import Base64Text, BrokenImageError, check_image, decode_text, image_beginning
from images_api._images.spool import Content, Spool

# More than any server has to say besides its images.
MOST_TEXT = 64 << 20
_LONGEST_BEGINNING = 256
# A shorter string isn't worth it.
_SMALL = 4 << 10
# A string that begins like base64, slashes escaped or not. No other quote stands before so many letters, unless it is an
# escaped one.
_BEGINNING = re.compile(rb'"(?<!\\")((?:\s*data:[^",]{0,100};base64,)?[\w+/\\-]{48,96}+)')
# What stands in a document for a string that is an image.
_MARK = re.compile(rb'(?<=")[0-9a-f]{16}')
_BASE64 = re.compile(r"(?:data:[\w/+;=.-]*,)?[/\w+-]{48,}={0,2}", re.ASCII)


class TooLargeError(httpx.DecodingError):
    """A response is larger than allowed; one of httpx's, since reading ends with it like with a connection that breaks off."""


class JSONReader:
    """Reads a JSON document in chunks of any size. What begins like the base64 of an image is decoded as it comes.

    Args:
        text: The document, with a mark in place of each image.
        images: The images, by their marks.
        name: What its event is called, where it is one.

    Attributes:
        text: The document so far, with a mark in place of each image.
        images: The images so far, by their marks.
        held: How many bytes of memory it needs for what isn't in the text, besides images, at least.
    """

    held = 1024

    def __init__(self, text: bytes = b"", images: dict[str, Base64Text] | None = None, name: str = "") -> None:
        self._spool = Spool()
        self.name, self.text = name, bytearray(text)
        self.images = images or {}
        self._image: Base64Text | None = None
        self._searched, self._torn = 0, b""

    def write(self, chunk: bytes) -> None:
        """Take the next chunk.

        Raises:
            TooLargeError: What begins like an image is some other text, of more than 64 MiB.
        """
        while chunk:
            chunk = self._read_image(self._image, chunk) if self._image else self._read_text(chunk)

    def read(self) -> bytes:
        """Return the document as it came; base64 in lines, or with escapes in it, may be written in a simpler way."""

        def unmarked(found: re.Match[bytes]) -> bytes:
            image = self.images.get(found[0].decode())
            return image.text() if image else found[0]

        return _MARK.sub(unmarked, self.text) + self._torn

    def document(self) -> Any:
        """Return what the document says, with a mark in place of each image, to be given to `image`.

        Raises:
            ValueError: It isn't JSON, or nested too deep to be read.
        """
        return decode_json(self.text)

    def image(self, given: object) -> Content | None:
        """Return an image that a document gives: by its mark, by its text where that wasn't read as it came, or as it is.

        Returns:
            The image's bytes; None where there are none.

        Raises:
            BrokenImageError: It isn't base64, or not that of a whole image.
        """
        if isinstance(given, BrokenImageError):
            raise given
        if not isinstance(given, str | Content | None):
            raise BrokenImageError(f"has a {type(given).__name__} for b64_json")
        if isinstance(given, str):
            given = self.images[given].content if given in self.images else Content(decode_text(given))
        if given is None or not given.size:
            return None
        check_image(given)
        return given

    def restored(self, said: Any) -> Any:
        """Return a part of the document, with the text of each image that nobody took out in place of its mark."""
        if not self.images:
            return said
        if isinstance(said, dict):
            return {self.restored(name): self.restored(each) for name, each in said.items()}
        if isinstance(said, list):
            return [self.restored(each) for each in said]
        return self.images[said].text().decode() if isinstance(said, str) and said in self.images else said

    def is_image(self, text: str) -> bool:
        """Tell whether a text is the mark of an image, or begins like the base64 of one."""
        return text in self.images or image_beginning(text) is not None

    def whole_images(self) -> list[Content]:
        """Return the images that came whole, though the document may not have."""
        found = [image.content for image in self.images.values() if image.is_whole()]
        for text in _BASE64.findall(self.text.decode(errors="replace").replace("\\/", "/")):
            with suppress(BrokenImageError):
                found += [content] if self.is_image(text) and (content := self.image(text)) else []
        return found

    def _read_text(self, chunk: bytes) -> bytes:
        """Read up to the beginning of an image, and return the rest."""
        self.text += chunk
        while found := _BEGINNING.search(self.text, self._searched):
            start, end = found.span(1)
            self._searched = quote = self.text.find(b'"', end, end + _SMALL)
            if quote >= 0:
                continue
            if len(self.text) < end + _SMALL:
                self._searched = start - 1
                return b""
            self._searched = start
            prefix = image_beginning(found[1].decode(errors="replace").replace("\\/", "/"))
            if prefix is not None:
                begun, mark = bytes(self.text[start:]), os.urandom(8).hex()
                end = begun.index(b",") + 1 if prefix else 0
                self.text[start:] = mark.encode()
                self._image = self.images[mark] = Base64Text(self._spool.new(), begun[:end])
                return begun[end:]
        self._searched = max(self._searched, len(self.text) - _LONGEST_BEGINNING)
        return b""

    def _read_image(self, image: Base64Text, chunk: bytes) -> bytes:
        """Read up to the end of an image, and return the rest."""
        text, quote, rest = (self._torn + chunk).partition(b'"')
        # An escape that goes on in the next chunk has at most five characters here.
        torn = -1 if quote else text.rfind(b"\\", -5)
        self._torn = text[torn:] if torn >= 0 else b""
        try:
            image.write(text.removesuffix(self._torn), last=bool(quote))
        except ValueError as error:  # it is some other text, in which there may be anything
            if image.content.size > MOST_TEXT:
                raise TooLargeError("the response holds too much that only begins like an image") from error
            mark, _ = self.images.popitem()
            self.text[-len(mark) :] = image.text() + text
            self._searched, self._torn, self._image = len(self.text), b"", None
        if quote:
            self._image = None
        return quote + rest
