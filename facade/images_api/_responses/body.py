"""A response's body as it arrives: an image, an archive of images, JSON, or events."""

import re
from contextlib import suppress

import httpx

from images_api._images.base64 import check_image
from images_api._images.headers import HEAD, SVG, media_type
from images_api._images.spool import Content, Spool

from .json import MOST_TEXT, JSONReader, TooLargeError
from .sse import EventDecoder

_ARCHIVE = b"PK\x03\x04"
_BOM = b"\xef\xbb\xbf"
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{\"]")
_EVENTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?:")
# Only in JSON Lines does an object follow another without a comma.
_LINES = re.compile(rb"}\s*{")


class Body:
    """Takes a response's body. Its first bytes say what it is, its headers only where these don't.

    Args:
        headers: The response's headers.
        largest: How many bytes there may be, decoded; of an error, it is 1 MiB.
        is_success: Whether there may be images in it.

    Attributes:
        size: How many bytes were taken.
        largest: How many may be.
        form: What takes them; None as long as there are too few to tell.
    """

    def __init__(self, headers: httpx.Headers, largest: int, *, is_success: bool = True) -> None:
        self.size, self.largest = 0, largest if is_success else min(largest, 1 << 20)
        self.form: Content | JSONReader | EventDecoder | None = None if is_success else Spool().new()
        self._type, self._head = content_type(headers), b""

    def write(self, chunk: bytes) -> None:
        """Take the next chunk.

        Raises:
            TooLargeError: There is too much of it.
        """
        taken = chunk[: self.largest - self.size]
        self.size += len(taken)
        if self.form is None:
            self._head += taken
            self._begin(at_end=False)
        else:
            self.form.write(taken)
        if len(taken) < len(chunk):
            raise TooLargeError(f"the response is larger than max_response_bytes, {self.largest}")
        if isinstance(self.form, JSONReader) and len(self.form.text) + self.form.held > MOST_TEXT:
            raise TooLargeError(f"the response holds more than {MOST_TEXT >> 20} MiB besides its images")

    def close(self) -> None:
        """Say that all came."""
        if self.form is None:
            self._begin(at_end=True)
        form = self.form
        if isinstance(form, Content | EventDecoder):
            form.close()
        elif form and _LINES.search(form.text) and not self.is_whole():
            self.form = EventDecoder()
            self.form.write(b"data: %b\n\n" % b"\n\ndata: ".join(form.read().splitlines()))

    def read(self) -> bytes:
        """Return what came, as far as it wasn't taken as events."""
        return self._head if self.form is None else self.form.read()

    def events(self) -> list[JSONReader]:
        """Return the events that are complete, each once."""
        return self.form.events() if isinstance(self.form, EventDecoder) else []

    def is_whole(self) -> bool:
        """Tell whether all that matters came, though the response was cut."""
        if isinstance(self.form, EventDecoder):
            return bool(self.form.complete)
        with suppress(ValueError):
            if isinstance(self.form, JSONReader):
                self.form.document()
            elif self.form is not None:
                check_image(self.form)
            return self.form is not None
        return False

    def _begin(self, *, at_end: bool) -> None:
        """Tell what the first bytes stand for, if they are enough."""
        head = self._head
        if _JSON.match(head):
            self.form = JSONReader()
        elif _EVENTS.match(head):
            self.form, head = EventDecoder(), head.removeprefix(_BOM)
        elif len(head) < HEAD and not at_end:
            return
        elif self._type.startswith("image/") or head.startswith(_ARCHIVE) or _is_image(head):
            self.form = Spool().new()
        else:
            self.form = EventDecoder() if self._type == "text/event-stream" else JSONReader()
        self.form.write(head)


def _is_image(head: bytes) -> bool:
    kind = media_type(head)
    return kind is not None and (kind != SVG or b"<svg" in head)


def content_type(headers: httpx.Headers) -> str:
    """Return a response's media type, without its parameters."""
    return str(headers.get("content-type", "")).partition(";")[0].strip().lower()


def is_archive(content: Content) -> bool:
    """Tell whether a body is a zip archive."""
    return content.beginning().startswith(_ARCHIVE)
