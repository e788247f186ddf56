"""Real pseudo terminals: a program runs in one, and a test reads its screen, types, sends signals and makes it another size.

Linux and macOS only: tests that use it are marked with `needs_terminals`.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from subprocess import DEVNULL, PIPE
from threading import Lock, Thread
from typing import TYPE_CHECKING, Self

import pyte
from waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyte.screens import Char

__all__ = ["DEVNULL", "PIPE", "PLACEHOLDERS", "Screen", "Terminal", "recorded"]

SCREENS = Path(__file__).parents[1] / "cli" / "screens"
# In pixels, as kitty's and foot's are at their usual size.
CELL = (8, 16)
# Primary device attributes: https://vt100.net/docs/vt510-rm/DA1.html. A terminal with sixels has a 4 among them.
ASKED = b"\x1b[c"
PLAIN, SIXEL = b"\x1b[?62;22c", b"\x1b[?62;4;22c"
# What differs from run to run, and what a recorded screen has in its place; the first that fits wins.
PLACEHOLDERS: tuple[tuple[str, str], ...] = (
    (r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", "⠋"),
    (r"\b\d+(?:\.\d+)? s\b", "N s"),
    (r"(127\.0\.0\.1|localhost):\d+", r"\1:PORT"),
    (r"\breq_\w+", "REQUEST"),
    (r"(?:/private)?(?:/tmp|/var/folders)/\S*?pytest-of-[^/\s]+/pytest-\d+(?:/popen-gw\d+)?/[^/\s]+", "TMP"),
)

# A terminal of its own is what a session's leader opens first, or asks for: https://man7.org/linux/man-pages/man2/TIOCSCTTY.2const.html
# Ctrl-C works in it, though whoever runs the tests in the background ignores it.
_LEAD = (
    "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "fcntl.ioctl(2, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
# What pyte doesn't know: images. Device control strings (sixel), application programs' (kitty), and iTerm2's inline ones.
_IMAGES = re.compile(rb"\x1b[P_].*?\x1b\\|\x1b\]1337;.*?(?:\x07|\x1b\\)", re.DOTALL)
_OPEN_IMAGE = re.compile(rb"\x1b(?:[P_]|\](?:1337;)?|$).*\Z", re.DOTALL)


@dataclass(frozen=True)
class Screen:
    """What a terminal shows.

    Attributes:
        text: Its lines without what is blank at their ends; nor are there blank lines at the end.
        markup: The same, with colours and the like in tags such as `[bold red on blue]...[/]`.
        cursor: Line and column, from 0.
        has_cursor: Whether the cursor is to be seen.
    """

    text: str
    markup: str
    cursor: tuple[int, int]
    has_cursor: bool

    def __str__(self) -> str:
        return self.text


class Terminal:
    """A program in a terminal of its own, which ends with the context.

    Args:
        argv: The program and its arguments; it is found like a shell would.
        env: Settings in addition to this process's, which has its own of terminals and colours taken away; None deletes one.
        columns: The terminal's width.
        rows: The terminal's height.
        cell: Width and height of a cell in pixels; (0, 0) for a terminal that doesn't say.
        answers: What the terminal answers to which sequences; those of one that knows no images, unless it is given.
        stdin: Where the program reads from, if not the terminal: a file, PIPE or DEVNULL.
        stdout: Where the program writes to, if not the terminal: PIPE.
        cwd: The program's folder.

    Attributes:
        raw: All bytes that the terminal was sent.
        stdout: All bytes of the standard output, where it is a pipe.
        screens: What was to be seen, one after the other, as `Screen.text`.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str | None] | None = None,
        columns: int = 80,
        rows: int = 24,
        cell: tuple[int, int] = CELL,
        answers: Mapping[bytes, bytes] | None = None,
        stdin: int | None = None,
        stdout: int | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.raw, self.stdout, self.screens = b"", b"", [""]
        self._answers = {ASKED: PLAIN} if answers is None else answers
        self._cell = cell
        self._screen = pyte.Screen(columns, rows)
        self._bytes = pyte.ByteStream(self._screen)
        self._undrawn = b""
        self._lock = Lock()
        self._terminal, theirs = os.openpty()
        self._resize(columns, rows)
        self.process = subprocess.Popen[bytes](
            [sys.executable, "-c", _LEAD, *argv],
            stdin=theirs if stdin is None else stdin,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            env=_environment(env or {}),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(theirs)
        self._readers = [Thread(target=self._read, args=(self._terminal, self._show))]
        if self.process.stdout:
            self._readers.append(Thread(target=self._read, args=(self.process.stdout.fileno(), self._keep)))
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for reader in self._readers:
            reader.join()
        os.close(self._terminal)
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()

    @property
    def screen(self) -> Screen:
        """What the terminal shows now."""
        with self._lock:
            return _screen(self._screen)

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        import termios

        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def wait_for(self, pattern: str) -> Screen:
        """Wait until a pattern is on the screen, and return the screen; fail when the program ends without.

        Args:
            pattern: A regular expression that is looked for in the screen's text.
        """
        found: list[Screen] = []

        def is_there() -> bool:
            screen = self.screen
            found.extend([screen] if re.search(pattern, screen.text) else [])
            return bool(found)

        try:
            wait_until(is_there, unless=lambda: self._has_ended() and not is_there())
        except AssertionError:
            raise AssertionError(f"{pattern!r} isn't on the screen:\n{self.screen}") from None
        return found[0]

    def has_shown(self, pattern: str) -> bool:
        """Tell whether a pattern was on any of the screens so far."""
        return any(re.search(pattern, text) for text in self.screens)

    def type(self, keys: str) -> None:
        """Type into the terminal; `"\\x03"` is Ctrl-C, `"\\r"` the enter key."""
        os.write(self._terminal, keys.encode())

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    def resize(self, columns: int, rows: int | None = None) -> None:
        """Make the terminal another size; the program is told."""
        with self._lock:
            self._screen.resize(rows, columns)
            self._resize(columns, self._screen.lines)

    def wait(self) -> int:
        """Wait for the program's end, and return its exit status; minus the number of the signal that ended it."""
        wait_until(self._has_ended)
        return self.process.wait()

    def _has_ended(self) -> bool:
        return self.process.poll() is not None and not any(each.is_alive() for each in self._readers)

    def _resize(self, columns: int, rows: int) -> None:
        import fcntl
        import termios

        size = struct.pack("HHHH", rows, columns, columns * self._cell[0], rows * self._cell[1])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    @staticmethod
    def _read(file: int, take: Callable[[bytes], None]) -> None:
        # Linux says the end of a terminal by an error.
        with suppress(OSError):
            while chunk := os.read(file, 65_536):
                take(chunk)

    def _keep(self, chunk: bytes) -> None:
        self.stdout += chunk

    def _show(self, chunk: bytes) -> None:
        with self._lock:
            before = len(self.raw)
            self.raw += chunk
            drawn = _IMAGES.sub(b"", self._undrawn + chunk)
            is_cut = _OPEN_IMAGE.search(drawn)
            self._undrawn = drawn[is_cut.start() :] if is_cut else b""
            self._bytes.feed(drawn.removesuffix(self._undrawn))
            text = _screen(self._screen).text
            if text != self.screens[-1]:
                self.screens.append(text)
        for question, answer in self._answers.items():
            # A question may come in two chunks.
            if question in self.raw[max(before - len(question) + 1, 0) :]:
                os.write(self._terminal, answer)


def recorded(name: str, text: str, placeholders: Iterable[tuple[str, str]] = ()) -> None:
    """Compare a screen with what is recorded of it in `tests/cli/screens`; record it where RECORD_SCREENS is set.

    Args:
        name: The file's name, without its ending.
        text: The screen: its text or its markup.
        placeholders: Patterns of what differs from run to run and what stands in their place, before `PLACEHOLDERS`.
    """
    for pattern, stand_in in (*placeholders, *PLACEHOLDERS):
        text = re.sub(pattern, stand_in, text)
    path = SCREENS / f"{name}.txt"
    if os.environ.get("RECORD_SCREENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8", newline="\n")
    assert path.is_file(), f"{name} isn't recorded: RECORD_SCREENS=1 does it"
    assert f"{text}\n" == path.read_text(encoding="utf-8")


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    theirs = re.compile(
        r"COLUMNS|LINES|TERM.*|COLORTERM|NO_COLOR|(?:FORCE|CLICOLOR).*|KITTY_.*|WEZTERM_.*|KONSOLE_.*|LC_TERMINAL.*|ITERM_.*|TMUX.*|STY|ZELLIJ.*|VTE_.*|WT_.*"
    )
    kept = {name: value for name, value in os.environ.items() if not theirs.fullmatch(name)}
    settings = kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"} | dict(changes)
    return {name: value for name, value in settings.items() if value is not None}


def _screen(screen: pyte.Screen) -> Screen:
    lines = [[screen.buffer[row][column] for column in range(screen.columns)] for row in range(screen.lines)]
    return Screen(
        "\n".join("".join(each.data for each in line).rstrip() for line in lines).rstrip("\n"),
        "\n".join("".join(_marked(line)) for line in lines).rstrip("\n"),
        (screen.cursor.y, screen.cursor.x),
        not screen.cursor.hidden,
    )


def _marked(line: list[Char]) -> Iterator[str]:
    """Yield a line's runs of one style, in tags where it has any."""
    while line and (line[-1].data, _style(line[-1])) == (" ", ""):
        line.pop()
    for style, run in groupby(line, _style):
        text = "".join(each.data for each in run).replace("[", "\\[")
        yield f"[{style}]{text}[/]" if style else text


def _style(char: Char) -> str:
    words = [word for word in ("bold", "italics", "underscore", "strikethrough", "reverse", "blink") if getattr(char, word)]
    words += [] if char.fg == "default" else [char.fg]
    words += [] if char.bg == "default" else ["on", char.bg]
    return " ".join(words)
