"""What is said to people, and what is handed on: whatever texts hold, a terminal shows them and runs nothing of them."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, BinaryIO, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager

# Longer lines are no longer read, and may be all that a hostile document is made of.
_MOST_CHARACTERS = 4_000
_CHUNK = 1 << 20
# Of a pipe that nobody reads, Windows may say this: https://github.com/python/cpython/issues/79935.
_NOBODY_READS = {errno.EINVAL} if os.name == "nt" else set[int]()

_USUAL_COLUMNS = 80
_COLOURS = {"error": 31, "warning": 33}

# What is on the terminal for a while, such as a live line; each makes a context in which it has stepped aside.
SHOWN: list[Callable[[], AbstractContextManager[object]]] = []


class ClosedPipe(Exception):  # noqa: N818  no error: who reads has seen enough
    """Whoever reads the standard output has closed it."""


def printable(text: str) -> str:
    """Return a text in one line, with escapes for control characters and all else that can't be seen.

    Args:
        text: Any text; of a very long one, the first 4,000 characters are taken, and its length is told.
    """
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}... ({len(text):,} characters)"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def encodable(text: str, stream: TextIO) -> str:
    """Return a text with escapes for what a stream's encoding lacks."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def is_terminal(stream: object) -> bool:
    """Tell whether a stream leads to a terminal; one that is missing or closed doesn't.

    Args:
        stream: `sys.stdout`, for example, or whatever stands in its place.
    """
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    except (AttributeError, ValueError, OSError):
        return False


def columns(stream: TextIO) -> int:
    """Return the width of a terminal in columns."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS


def takes_control(stream: object) -> bool:
    """Tell whether a stream leads to a terminal that moves its cursor, wipes and colours as it is told to."""
    if not is_terminal(stream) or os.environ.get("TERM") in {"dumb", "unknown"}:
        return False
    if os.name != "nt":
        return True
    from rich.console import detect_legacy_windows

    return not detect_legacy_windows()


def room() -> AbstractContextManager[object]:
    """Make a context in which nothing else is on the terminal's last line."""
    return SHOWN[-1]() if SHOWN else nullcontext()


def say(message: str, label: str = "") -> None:
    """Say something to people, on the standard error. It never fails: a message that nobody can read is no reason to stop.

    Args:
        message: One line or more, without the last line's end. Its line ends stay; all else is made `printable`.
        label: What stands before it, in a colour where there are colours: `error`, `warning`, or nothing.
    """
    if sys.stderr is not None:
        lines = _wrapped(printable(line) for line in (f"{label}: {message}" if label else message).split("\n"))
        if label and takes_control(sys.stderr) and not os.environ.get("NO_COLOR"):
            lines = lines.replace(f"{label}:", f"\x1b[1;{_COLOURS[label]}m{label}:\x1b[0m", 1)
        try:
            with room():
                sys.stderr.write(f"{encodable(lines, sys.stderr)}\n")
                sys.stderr.flush()
        except (OSError, ValueError):
            drop(sys.stderr)


def _wrapped(lines: Iterable[str]) -> str:
    """Return lines as one text, broken between words where a terminal would break them within."""
    if is_terminal(sys.stderr):
        from textwrap import wrap

        width = columns(sys.stderr)
        lines = [part for line in lines for part in wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]]
    return "\n".join(lines)


def write(text: str) -> None:
    """Write a text to the standard output, as it is but for characters that its encoding lacks.

    Args:
        text: One line or more, without the last line's end.

    Raises:
        ClosedPipe: Nobody reads it.
        OSError: It can't be written, to a full disk for example.
    """
    with _stdout() as stdout:
        stdout.write(f"{encodable(text, stdout)}\n")


def write_bytes(content: BinaryIO) -> None:
    """Write bytes to the standard output, chunk by chunk.

    Args:
        content: What to write, from where it stands to its end.

    Raises:
        ClosedPipe: Nobody reads them.
        OSError: They can't be written, to a full disk for example.
    """
    with _stdout() as stdout:
        while chunk := content.read(_CHUNK):
            stdout.buffer.write(chunk)


@contextmanager
def _stdout() -> Generator[TextIO]:
    """Give the standard output, and flush it: what can't be written is known here, and not at the interpreter's end."""
    if sys.stdout is None:
        raise ClosedPipe
    with room():
        try:
            sys.stdout.flush()
            yield sys.stdout
            sys.stdout.flush()
        except OSError as error:
            drop(sys.stdout)
            if isinstance(error, ConnectionError) or error.errno in _NOBODY_READS:
                raise ClosedPipe from error
            raise


def drop(stream: TextIO) -> None:
    """Send what a stream still holds nowhere; else the interpreter fails on it, and complains, at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # it leads to no file
