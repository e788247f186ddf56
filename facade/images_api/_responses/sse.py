"""Splits the events of a stream, as it arrives.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html, except that a last event without its blank
line counts: it may be the image that was paid for.
"""

import re

from .json import JSONReader

# Two line ends, of which CR LF is one.
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n){2}")


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
        images = {mark: self.images.pop(mark) for mark in [*self.images] if mark.encode() in text}
        if data.strip():
            self.complete.append(JSONReader(data, images, name))
            self.held += self.complete[-1].held + len(data)
