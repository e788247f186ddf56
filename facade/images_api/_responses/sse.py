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
        rest = chunk.removeprefix(b"\n") if self._after_cr else chunk  # CR LF is one line end, even when it is torn apart
        self._after_cr = chunk.endswith(b"\r")
        *ended, rest = rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in ended:
            self._take(line, ends=True)
        self._take(rest, ends=False)
        if self._untaken > MOST_TEXT:
            raise TooLargeError(f"the events hold more than {MOST_TEXT >> 20} MiB besides their images")

    def close(self) -> None:
        """Say that all came, a last event that has no blank line behind it included."""
        self._take(b"", ends=True)
        self._take(b"", ends=True)

    def events(self) -> Iterator[JSONReader]:
        """Yield each event that is complete, once."""
        self._untaken = 0
        while self.complete:
            yield self.complete.popleft()

    def read(self) -> bytes:
        """Return the data of an event that isn't complete."""
        return self._event.read() if self._event else b""

    def _take(self, part: bytes, *, ends: bool) -> None:
        """Take a part of a line, which may be its last."""
        if self._field is None:
            self._line += part
            if len(self._line) < _LONGEST_START and not ends:
                return
            part = self._begin_line()
        if self._field == b"event":
            self._name = (self._name + part)[:_LONGEST_NAME]
        elif self._field == b"data" and self._event:
            self._event.write(part)
        if ends:
            self._field = None

    def _begin_line(self) -> bytes:
        """Tell the field of a line, and return what came of its value."""
        line = self._line.removeprefix(_BOM if self._at_start else b"")
        self._line, self._at_start = b"", False
        self._field, _, value = line.partition(b":")
        if not line:
            self._end_event()
        elif self._field == b"event":
            self._name = b""
        elif self._field == b"data" and self._event:
            self._event.write(b"\n")
        elif self._field == b"data":
            self._event = JSONReader(self._spool)
        return value.removeprefix(b" ")

    def _end_event(self) -> None:
        if self._event and self._event.text.strip():
            self._event.name = self._name.decode(errors="replace").strip()
            self.complete.append(self._event)
            self._untaken += self._event.text_size
        self._event, self._name = None, b""
