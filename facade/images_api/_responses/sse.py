"""From the bytes of server-sent events to the data of each.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html, except that a last event without
its blank line counts: it may be the image that was paid for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from images_api._images.spool import Spool

from .json import JSONReader

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOM = b"\xef\xbb\xbf"
# A byte order mark, the field's name, its colon and a blank.
_LONGEST_START = len(_BOM + b"data: ")
# An event has its image in the object that it is.
_IN_EVENT: list[bytes | None] = [None]


class EventDecoder:
    """Splits bytes into events, fed in chunks of any size, in time linear in their number."""

    def __init__(self) -> None:
        self._spool = Spool()
        self._line = b""  # of which it isn't known yet whether it is data
        self._known = False
        self._is_data = False
        self._event: JSONReader | None = None
        self._at_start = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[JSONReader]:
        """Yield each event that the bytes so far complete."""
        if not chunk:
            return
        if self._after_cr:  # CR LF is one line end, even when it is torn apart
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        start = 0
        lf, cr = chunk.find(b"\n"), chunk.find(b"\r")
        while lf >= 0 or cr >= 0:
            end = lf if cr < 0 or 0 <= lf < cr else cr
            self._take(chunk[start:end])
            yield from self._end_line()
            start = end + (2 if end == cr and lf == cr + 1 else 1)
            # Each is looked for only beyond its last offset: a body without CR is not searched for CR at each line.
            lf = chunk.find(b"\n", start) if 0 <= lf < start else lf
            cr = chunk.find(b"\r", start) if 0 <= cr < start else cr
        self._after_cr = 0 < start == len(chunk) and chunk.endswith(b"\r")
        self._take(chunk[start:])

    def finish(self) -> Iterator[JSONReader]:
        """Yield a last event that has no blank line behind it."""
        if self._line or self._known:
            yield from self._end_line()
        yield from self._end_line()

    def _take(self, chunk: bytes) -> None:
        """Take a part of a line."""
        if self._known:
            if self._is_data and self._event is not None:
                self._event.write(chunk)
            return
        self._line += chunk
        if len(self._line) >= _LONGEST_START:
            self._tell_field()

    def _tell_field(self) -> None:
        line = self._line
        if self._at_start:
            line = line.removeprefix(_BOM)
        name, _, value = line.partition(b":")
        self._known, self._line, self._at_start = True, b"", False
        self._is_data = name == b"data"
        if self._is_data:
            if self._event is None:
                self._event = JSONReader(_IN_EVENT, self._spool)
            else:
                self._event.write(b"\n")
            self._event.write(value.removeprefix(b" "))

    def _end_line(self) -> Iterator[JSONReader]:
        if not self._known:
            is_blank = not (self._line.removeprefix(_BOM) if self._at_start else self._line)
            self._tell_field()
            if is_blank:
                event, self._event = self._event, None
                if event is not None and event.says_something():
                    yield event
        self._known = False
