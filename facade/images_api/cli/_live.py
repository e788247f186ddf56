"""One line that is redrawn in place while a call goes on: what is done, for how long, and what is waited for."""

from __future__ import annotations

import logging
import os
import re
import sys
from bisect import bisect_right
from contextlib import contextmanager
from itertools import accumulate, cycle
from math import inf
from threading import Event, RLock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Self, TextIO
from unicodedata import category, east_asian_width

from ._terminal import SHOWN, columns, encodable, printable, takes_control

if TYPE_CHECKING:
    from collections.abc import Generator

_LOGGER = logging.getLogger("images_api")
# What the log says of a wait: how long it is, and for what.
_WAIT = re.compile(r"waiting (\d+\.?\d*) s before (try \d+)")
_PERIOD = 0.1
# What fits into less says the latest alone, and not what is done.
_NARROW = 60
# The cursor rests at the line's beginning, and is never hidden. So whatever ends the program leaves a terminal as it was; and
# where a terminal that is made narrower breaks the line in two, all of it is still behind the cursor, to be wiped.
_WIPE = "\r\x1b[J"
_FANCY, _PLAIN = ("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "…", " · "), ("|/-\\", "...", " - ")


class LiveLine:
    """A line on the standard error for the time of its context, such as `⠙ generating an image … 12 s · partial image 1 of 3`.

    It shows what the client logs of waits and tries as well. It is wiped at the end, and steps aside for what is said
    meanwhile by `say` and `write`. Nothing at all is written where the standard error is no terminal, or a dumb one.

    Args:
        what: What is done.
    """

    def __init__(self, what: str) -> None:
        self._what = printable(what)
        self._status = ""
        self._tries: tuple[float, str, str] = (inf, "", "")
        self._lock = RLock()
        self._end = Event()
        self._stream = sys.stderr if takes_control(sys.stderr) else None

    def __enter__(self) -> Self:
        if self._stream:
            self._begin = monotonic()
            self._signs = _signs(self._stream)
            self._spinner = cycle(self._signs[0])
            self._level, self._others_hear = _LOGGER.level, _LOGGER.getEffectiveLevel()
            SHOWN.append(self._aside)
            _LOGGER.addFilter(self._hear)
            _LOGGER.setLevel(min(self._others_hear, logging.INFO))
            Thread(target=self._redraw, name="images-api live line", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._stream:
            # From here on the thread draws nothing, so that there is no need to wait for it.
            self._end.set()
            _LOGGER.setLevel(self._level)
            _LOGGER.removeFilter(self._hear)
            SHOWN.remove(self._aside)
            with self._lock:
                self._wipe(self._stream)

    def update(self, status: str) -> None:
        """Say how far it is.

        Args:
            status: What stands behind the time from now on; what was logged before is gone.
        """
        with self._lock:
            self._status, self._tries = printable(status), (inf, "", "")

    def _hear(self, record: logging.LogRecord) -> bool:
        """Take what the client logs, and tell whether it would have been logged without this line."""
        if record.levelno >= logging.INFO:
            message = printable(record.getMessage())
            wait = _WAIT.match(message)
            with self._lock:
                self._tries = (monotonic() + float(wait[1]), message, wait[2]) if wait else (inf, message, "")
        return record.levelno >= self._others_hear

    @contextmanager
    def _aside(self) -> Generator[None]:
        with self._lock:
            if self._stream:
                self._wipe(self._stream)
            yield

    def _redraw(self) -> None:
        while not self._end.wait(_PERIOD):
            with self._lock:
                # Not on top of a shell's prompt, when it was sent to the background.
                if not self._end.is_set() and self._stream and _is_in_front(self._stream):
                    self._send(self._stream, f"\r{self._line(self._stream)}\x1b[J\r")

    def _line(self, stream: TextIO) -> str:
        _, ellipsis, dot = self._signs
        until, before, after = self._tries
        now = monotonic()
        time = _clock(int(now - self._begin))
        what = f"{self._what} {ellipsis} {time}"
        news = before if now < until else after
        # The last column stays empty: some terminals begin a new line there.
        room = columns(stream) - 3
        text = encodable(dot.join(filter(None, (what, self._status, news))), stream)
        if _ends(text)[-1] > room and (latest := news or self._status):
            text = encodable(dot.join((what if room > _NARROW else time, latest)), stream)
        spinner = next(self._spinner)
        cut = _cut(text, room, ellipsis)
        return f"{spinner} {cut}" if os.environ.get("NO_COLOR") else f"\x1b[36m{spinner}\x1b[39m {cut}"

    def _wipe(self, stream: TextIO) -> None:
        if _is_in_front(stream):
            self._send(stream, _WIPE)

    def _send(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):  # the terminal is gone
            self._end.set()


def _is_in_front(stream: TextIO) -> bool:
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, AttributeError):  # it isn't the terminal that jobs are controlled from; or there are no such jobs
        return True


def _signs(stream: TextIO) -> tuple[str, str, str]:
    """Return the spinner, the ellipsis and the dot that a stream's encoding has."""
    return _FANCY if encodable("".join(_FANCY), stream) == "".join(_FANCY) else _PLAIN


def _clock(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds % 60:02}"
    return f"{minutes}:{seconds % 60:02}" if minutes else f"{seconds} s"


def _ends(text: str) -> list[int]:
    """Return the column behind each character, each taken to be as wide as any terminal makes it."""
    return list(accumulate(map(_width, text)))


def _width(character: str) -> int:
    # What turns the sign before it into an emoji makes that wider.
    if character == "\ufe0f":
        return 1
    if category(character) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(character) in {"W", "F"} else 1


def _cut(text: str, room: int, ellipsis: str) -> str:
    """Cut a text to a number of columns."""
    ends = _ends(text)
    if not ends or ends[-1] <= room:
        return text
    return text[: bisect_right(ends, room - len(ellipsis))].rstrip() + ellipsis
