"""From the bytes of server-sent events to the name and data of each.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html, except that a last event without
its blank line counts: it may be the image that was paid for.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from images_api._images.spool import Spool

from .json import MOST_TEXT, JSONReader, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOM = b"\xef\xbb\xbf"
# A byte order mark, the field's name, its colon and a blank.
_LONGEST_START = len(_BOM + b"data: ")
_LONGEST_NAME = 200


class EventDecoder:
    """Splits bytes into events, written in chunks of any size, in time linear in their number.

    Attributes:
        complete: The events that nobody took yet.
    """

    def __init__(self) -> None:
        self._spool = Spool()
        self._line = b""  # of which it isn't known yet whether it is data
        self._field: bytes | None = None
        self._name = b""
        self._event: JSONReader | None = None
        self.complete = deque[JSONReader]()
        self._untaken = 0
        self._at_start = True
        self._after_cr = False

    def write(self, chunk: bytes) -> None:
        """Take the next chunk.

        Raises:
            TooLargeError: An event, or all that nobody takes, holds more than 64 MiB besides images.
        """
        if not chunk:
            return
        if self._after_cr:  # CR LF is one line end, even when it is torn apart
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = chunk.endswith(b"\r")
        for line in chunk.splitlines(keepends=True) if b"\n" in chunk or b"\r" in chunk else [chunk]:
            content = line.rstrip(b"\r\n")
            self._take(content)
            if len(content) < len(line):
                self._end_line()
        if self._untaken > MOST_TEXT:
            raise TooLargeError(f"the events hold more than {MOST_TEXT >> 20} MiB besides their images")

    def close(self) -> None:
        """Say that all came, a last event that has no blank line behind it included."""
        if self._line or self._field is not None:
            self._end_line()
        self._end_line()

    def events(self) -> Iterator[JSONReader]:
        """Yield each event that is complete, once."""
        self._untaken = 0
        while self.complete:
            yield self.complete.popleft()

    def read(self) -> bytes:
        """Return the data of an event that isn't complete."""
        return self._event.read() if self._event else b""

    def _take(self, chunk: bytes) -> None:
        """Take a part of a line."""
        if self._field is None:
            self._line += chunk
            if len(self._line) < _LONGEST_START:
                return
            chunk = self._tell_field()
        if self._field == b"event":
            self._name = (self._name + chunk)[:_LONGEST_NAME]
        elif self._field == b"data" and self._event is not None:
            self._event.write(chunk)

    def _tell_field(self) -> bytes:
        """Tell the field of a line, and return what came of its value."""
        self._field, _, value = self._line.removeprefix(_BOM if self._at_start else b"").partition(b":")
        self._line, self._at_start = b"", False
        if self._field == b"event":
            self._name = b""
        elif self._field == b"data" and self._event is not None:
            self._event.write(b"\n")
        elif self._field == b"data":
            self._event = JSONReader(self._spool)
        return value.removeprefix(b" ")

    def _end_line(self) -> None:
        if self._field is None:
            is_blank = not self._line.removeprefix(_BOM if self._at_start else b"")
            self._take(self._tell_field())
            if is_blank:
                event, self._event = self._event, None
                name, self._name = self._name.decode(errors="replace").strip(), b""
                if event is not None and event.says_something():
                    event.name = name
                    self.complete.append(event)
                    self._untaken += event.text_size
        self._field = None
