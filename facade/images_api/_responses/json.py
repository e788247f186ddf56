"""From a response's body, as it arrives, to its images and small JSON documents of all the rest: one, or one an event.

An image comes as base64 in JSON. What is kept of it is its bytes: neither its text nor the whole body is ever in memory.

The format of events is that of https://html.spec.whatwg.org/multipage/server-sent-events.html, except that a last event without
its blank line counts: it may be the image that was paid for.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeGuard

import httpx

from images_api._contract.document import decode_json
from images_api._images.base64 import Base64Text, BrokenImageError, check_image, decode_text, image_beginning
from images_api._images.spool import Content, Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

# More than any server has to say besides its images.
MOST_TEXT = 64 << 20
_LONGEST_BEGINNING = 256
# A shorter string isn't worth it.
_SMALL = 4 << 10
# A string that begins like base64, slashes escaped or not, and is long, or may become so: no quote follows. No other quote
# stands before so many letters, unless it is an escaped one.
_BEGINNING = re.compile(rb'"(?<!\\")((?:\s*data:[^",]{0,100};base64,)?[\w+/\\-]{48,96}+)(?=[^"]{%d}|[^"]*\Z)' % _SMALL)
# What stands in a document for a string that is an image.
_MARK = re.compile(rb'(?<=")[0-9a-f]{16}')
_BASE64 = re.compile(r"(?:data:[\w/+;=.-]*,)?[/\w+-]{48,}={0,2}", re.ASCII)
# An escape that goes on in the next chunk has so many characters here, at most.
_LONGEST_TORN_ESCAPE = 5
# Two line ends, of which CR LF is one.
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n){2}")
_LINK = re.compile(r"https?://\S+|/[^/\s]\S*")
_LINK_NAMES = re.compile(
    r"(?:(?:image|img|file|media|output|result|public|signed|download|content)_?)*(?:url|uri)s?"
    r"|images?|img|outputs?|results?|data|samples?|artifacts?",
    re.IGNORECASE,
)
# What was sent rather than made, what says what went wrong, and what shows an image a second time.
_OTHERS = re.compile(r"inputs?|request|parameters|errors?|usage|mask|thumbnails?|previews?", re.IGNORECASE)


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
        held: How many bytes of memory it needs for what isn't in the text, besides images, at least.
    """

    held = 1024

    def __init__(self, text: bytes = b"", images: dict[str, Base64Text] | None = None, name: str = "") -> None:
        self.name = name
        self._spool = Spool()
        self.text = bytearray(text)
        self._searched = 0
        self._images = images or {}
        self._image: Base64Text | None = None
        self._torn = b""

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
            image = self._images.get(found[0].decode())
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
            given = self._images[given].content if given in self._images else Content.of(decode_text(given))
        if given is None or not given.size:
            return None
        check_image(given)
        return given

    def restored(self, said: Any) -> Any:
        """Return a part of the document, with the text of each image that nobody took out in place of its mark."""
        if isinstance(said, dict):
            return {self.restored(name): self.restored(each) for name, each in said.items()}
        if isinstance(said, list):
            return [self.restored(each) for each in said]
        return self._images[said].text().decode() if isinstance(said, str) and said in self._images else said

    def is_image(self, text: str) -> bool:
        """Tell whether a text is the mark of an image, or begins like the base64 of one."""
        return text in self._images or image_beginning(text) is not None

    def whole_images(self) -> list[Content]:
        """Return the images that came whole, though the document may not have."""
        found = [image.content for image in self._images.values() if image.is_whole()]
        for text in _BASE64.findall(self.text.decode(errors="replace").replace("\\/", "/")):
            with suppress(BrokenImageError):
                found += [content] if self.is_image(text) and (content := self.image(text)) else []
        return found

    def _read_text(self, chunk: bytes) -> bytes:
        """Read up to the beginning of an image, and return the rest."""
        self.text += chunk
        while found := _BEGINNING.search(self.text, self._searched):
            start, end = found.span(1)
            if len(self.text) < end + _SMALL:
                self._searched = start - 1
                return b""
            self._searched = start
            prefix = image_beginning(found[1].decode(errors="replace").replace("\\/", "/"))
            if prefix is not None:
                begun, mark = bytes(self.text[start:]), os.urandom(8).hex()
                end = begun.index(b",") + 1 if prefix else 0
                self.text[start:] = mark.encode()
                self._image = self._images[mark] = Base64Text(self._spool.new(), begun[:end])
                return begun[end:]
        self._searched = max(self._searched, len(self.text) - _LONGEST_BEGINNING)
        return b""

    def _read_image(self, image: Base64Text, chunk: bytes) -> bytes:
        """Read up to the end of an image, and return the rest."""
        text, quote, rest = (self._torn + chunk).partition(b'"')
        torn = -1 if quote else text.rfind(b"\\", -_LONGEST_TORN_ESCAPE)
        self._torn = text[torn:] if torn >= 0 else b""
        try:
            image.write(text.removesuffix(self._torn), last=bool(quote))
        except ValueError as error:  # it is some other text, in which there may be anything
            if image.content.size > MOST_TEXT:
                raise TooLargeError("the response holds too much that only begins like an image") from error
            mark, _ = self._images.popitem()
            self.text[-len(mark) :] = image.text() + text
            self._searched, self._torn = len(self.text), b""
        else:
            if not quote:
                return b""
        self._image = None
        return quote + rest


class EventDecoder(JSONReader):
    """Splits events off once they are complete, written in chunks of any size, in time linear in their number.

    Attributes:
        complete: The events that nobody took yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.complete = list[JSONReader]()

    def write(self, chunk: bytes) -> None:
        """Take the next chunk.

        Raises:
            TooLargeError: What begins like an image is some other text, of more than 64 MiB.
        """
        scanned = max(0, self._searched - 1)  # behind it, the text may still become an image
        super().write(chunk)
        while found := _BLANK_LINE.search(self.text, scanned):
            self._split(found.end())
            scanned = 0

    def close(self) -> None:
        """Say that all came, a last event that has no blank line behind it included."""
        self._split(len(self.text))

    def events(self) -> list[JSONReader]:
        """Return the events that are complete, each once."""
        events, self.complete, self.held = self.complete, [], 0
        return events

    def _split(self, end: int) -> None:
        text = bytes(self.text[:end])
        del self.text[:end]
        self._searched = max(0, self._searched - end)
        lines = [line.partition(b":") for line in text.splitlines()]
        data = b"\n".join(value.removeprefix(b" ") for field, _, value in lines if field == b"data")
        name = next((value.decode(errors="replace").strip() for field, _, value in reversed(lines) if field == b"event"), "")
        images = {mark: self._images.pop(mark) for mark in [*self._images] if mark.encode() in text}
        if data.strip():
            self.complete.append(JSONReader(data, images, name))
            self.held += self.complete[-1].held + len(data)


def entries_of(reader: JSONReader, document: dict[str, Any]) -> list[Any]:
    """Return what a document says of each image, in the API's own form: an object with its base64 or its link.

    Args:
        reader: What read the document.
        document: The JSON of it. Of images in another form, the base64 is taken out of it.
    """
    data, entries = document.get("data"), list[Any]()
    if isinstance(data, list):
        entries = [found for entry in data for found in _entries_in(reader, entry) or [entry]]
        data[:] = [entry for entry in data if not isinstance(entry, str)]
    return entries if any(map(is_entry, entries)) else _entries_in(reader, document) or entries


def is_entry(said: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether an object has an image in the API's own form."""
    return isinstance(said, dict) and any(said.get(name) and isinstance(said[name], str) for name in ("b64_json", "url"))


def _entries_in(reader: JSONReader, said: object) -> list[dict[str, Any]]:
    return [said] if is_entry(said) else [*_found(reader, said, "data")]


def _found(reader: JSONReader, said: object, name: str) -> Iterator[dict[str, Any]]:
    """Yield each image below a part of a document that has a name."""
    if isinstance(said, str) and reader.is_image(said):
        yield {"b64_json": said}
    elif isinstance(said, str) and _LINK_NAMES.fullmatch(name) and _LINK.fullmatch(said):
        yield {"url": said}
    elif isinstance(said, list):
        for each in said:
            yield from _found(reader, each, name)
        said[:] = [each for each in said if not (isinstance(each, str) and reader.is_image(each))]
    elif isinstance(said, dict):
        found = {name: [*_found(reader, each, name)] for name, each in said.items() if not _OTHERS.fullmatch(name)}
        texts = {name: entry for name, entries in found.items() if isinstance(said[name], str) for entry in entries}
        images = {name: entry for name, entry in texts.items() if "b64_json" in entry}
        for taken in images:
            del said[taken]
        plain = {name: each for name, each in said.items() if not isinstance(each, dict | list)}
        yield from (plain | entry for entry in [*images.values()] or [*texts.values()][:1])
        yield from (entry for name, entries in found.items() if name not in texts for entry in entries)
