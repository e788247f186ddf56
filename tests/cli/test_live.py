"""The line that is redrawn while a call goes on, in real terminals: what it says, how wide it is, and what is left of it."""

from __future__ import annotations

import io
import logging
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pytest
from faulty_server import Act, FaultyServer, refused
from platforms import needs_terminals
from terminals import PIPE, Terminal, recorded
from waiting import wait_until

from images_api.cli._live import LiveLine, _clock, _cut
from images_api.cli._terminal import SHOWN, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_HEAD = """
import logging, os, signal, sys, time
from images_api.cli._live import LiveLine
from images_api.cli._terminal import say, write
log = logging.getLogger("images_api")
"""
_STEPS = """
say("before")
with LiveLine("generating an image") as line:
    input()
    line.update("partial image 1 of 3")
    input()
    log.info("waiting %.1f s before try %d: %s", 999, 2, "the server is busy; the request id is req_1")
    input()
    say("in between\x1b[2J")
    write("handed on")
    input()
    line.update("partial image 2 of 3")
    input()
say("behind")
"""
_FOREVER = """
with LiveLine(sys.argv[1]):
    while True:
        time.sleep(60)
"""


def _program(code: str, *arguments: str, **options: Any) -> Terminal:
    return Terminal([sys.executable, "-c", _HEAD + code, *arguments], **options)


def _go_on(terminal: Terminal) -> None:
    """End an `input()`, without the terminal's own echo of the enter key."""
    stdin = terminal.process.stdin
    assert stdin
    stdin.write(b"\n")
    stdin.flush()


@pytest.fixture
def _same_log() -> Iterator[None]:
    """A client's logger that is left as it was found."""
    logger = logging.getLogger("images_api")
    before = (logger.level, list(logger.filters), list(logger.handlers), list(SHOWN))
    yield
    assert (logger.level, logger.filters, logger.handlers, SHOWN) == before


@needs_terminals
@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("colours", ["colour", "plain"])
def test_it_says_what_is_done_and_for_how_long_and_leaves_nothing(columns: int, colours: str) -> None:
    env = {"NO_COLOR": "1"} if colours == "plain" else {}
    screens = []
    with _program(_STEPS, columns=columns, env=env, stdin=PIPE) as terminal:
        for pattern in (r"\Abefore\n. generating an image … \d s\Z", "1 of", "waiting", r"handed on\n.*wait", "on\n.* 2 of"):
            screens.append(terminal.wait_for(pattern))
            _go_on(terminal)
        assert terminal.wait() == 0
    screens.append(terminal.screen)
    assert all((each.has_cursor, each.cursor[1]) == (True, 0) for each in screens)
    recorded(f"live-{columns}-{colours}", "\n-----\n".join(each.markup for each in screens))


@needs_terminals
@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "unknown"}], ids=str)
def test_a_terminal_that_can_redraw_nothing_is_sent_nothing(env: dict[str, str]) -> None:
    with _program(_STEPS, stdin=PIPE, env=env) as terminal:
        for _ in range(5):
            _go_on(terminal)
        assert terminal.wait() == 0
    assert terminal.raw == b"before\r\nin between\\x1b[2J\r\nhanded on\r\nbehind\r\n"


def test_where_there_is_no_terminal_nothing_is_written_nor_imported() -> None:
    code = f"{_HEAD}{_STEPS}\nsay(str([name for name in sys.modules if name.startswith('rich')]))"
    done = subprocess.run(  # noqa: S603  the code is this file's
        [sys.executable, "-c", code], input=b"\n" * 5, capture_output=True, check=True
    )
    assert done.stderr.splitlines() == [b"before", b"in between\\x1b[2J", b"behind", b"[]"]


@needs_terminals
def test_waits_and_tries_of_a_real_call_are_told_and_ctrl_c_ends_it_cleanly() -> None:
    code = """
from images_api import ImagesClient
try:
    with LiveLine("editing an image"), ImagesClient(api_key="k", base_url=sys.argv[1], max_retries=2) as client:
        client.generate("a fox")
except KeyboardInterrupt:
    say("interrupted")
    sys.exit(130)
"""
    limited = refused(429, headers={"retry-after": "0.6", "content-type": "application/json"})
    with FaultyServer(limited, Act(end="hang")) as server, _program(code, server.base_url, columns=70) as terminal:
        terminal.wait_for(r"editing an image … \d s · try 2\Z")
        assert terminal.has_shown(r"editing an image … \d s · waiting 0\.\d s before try 2: .")
        terminal.type("\x03")
        assert terminal.wait() == 130
    # The terminal's own echo of Ctrl-C is wiped as well.
    assert (terminal.screen.text, terminal.screen.has_cursor) == ("interrupted", True)


@needs_terminals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_that_is_killed_leaves_a_cursor(number: int) -> None:
    with _program(_FOREVER, "generating") as terminal:
        terminal.wait_for("generating")
        terminal.signal(number)
        assert terminal.wait() == -number
    assert terminal.screen.has_cursor
    assert b"\x1b[?25l" not in terminal.raw


@needs_terminals
@pytest.mark.parametrize("what", ["a" * 99, "絵" * 99, "e\u0301" * 99, "🦦🏽‍🎨" * 50, "x" + "絵" * 99])
@pytest.mark.parametrize("columns", [20, 40, 80])
def test_it_is_never_wider_than_the_terminal(columns: int, what: str) -> None:
    with _program(_FOREVER, what, columns=columns) as terminal:
        assert "\n" not in terminal.wait_for("…").text


@needs_terminals
def test_it_is_as_wide_as_the_terminal_becomes() -> None:
    with _program(_FOREVER, "a" * 99, columns=40) as terminal:
        terminal.wait_for("a…$")
        for columns in (80, 30, 60):
            terminal.resize(columns)
            # Of a line that was on its way already, the rest may be on the line before.
            terminal.wait_for(rf"(?m)^.{{{columns - 2}}}…\Z")
            assert terminal.screen.cursor[1] == 0


@needs_terminals
def test_an_encoding_without_such_signs_has_others() -> None:
    with _program(_FOREVER, "ein Bild für 絵", env={"PYTHONIOENCODING": "latin-1:strict"}) as terminal:
        drawn = b"ein Bild f\xfcr \\u7d75 ... 0 s"
        wait_until(lambda: drawn in terminal.raw)


@needs_terminals
def test_in_the_background_it_draws_nothing() -> None:
    code = """
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
with LiveLine("generating"):
    input()
    shell = os.fork()
    if not shell:
        os.setpgid(0, 0)
        os.tcsetpgrp(2, os.getpid())
        for text in (b"(", b")"):
            time.sleep(0.3)
            os.write(2, text)
        os.tcsetpgrp(2, os.getppid())
        os._exit(0)
    os.waitpid(shell, 0)
    input()
"""
    with _program(code, stdin=PIPE) as terminal:
        terminal.wait_for("generating")
        _go_on(terminal)
        wait_until(lambda: b"generating" in terminal.raw.partition(b")")[2])
        _go_on(terminal)
        assert terminal.wait() == 0
    assert b"()" in terminal.raw


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
@pytest.mark.usefixtures("_same_log")
def test_others_hear_of_the_log_what_they_would_have_heard_without(level: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _Screen())
    logger, heard = logging.getLogger("images_api"), [list[str](), list[str]()]
    contexts: list[AbstractContextManager[object]] = [nullcontext(), LiveLine("x")]
    for texts, context in zip(heard, contexts, strict=True):
        handler = logging.Handler()
        handler.emit = lambda record, texts=texts: texts.append(record.getMessage())  # type: ignore[method-assign,misc]
        logger.addHandler(handler)
        logger.setLevel(level)
        with suppress(KeyboardInterrupt), context:
            for each in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
                logger.log(each, "%s", each)
            raise KeyboardInterrupt
        assert logger.level == level
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)
    assert heard[0] == heard[1]


@pytest.mark.usefixtures("_same_log")
def test_a_terminal_that_is_gone_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = _Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with LiveLine("x") as line:
        wait_until(lambda: "x" in screen.getvalue())
        screen.close()
        wait_until(line._end.is_set)
        say("y")


class _Screen(io.StringIO):
    """A terminal that is no file, such as those that notebooks and debuggers put in place of the standard error."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1:00"), (65, "1:05"), (3_599, "59:59"), (3_600, "1:00:00"), (90_061, "25:01:01")],
)
def test_times_are_told_as_clocks_do(seconds: int, text: str) -> None:
    assert _clock(seconds) == text


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("12345678", "12345678"),
        ("123456789", "1234567…"),
        ("絵絵絵絵", "絵絵絵絵"),
        ("絵絵絵絵絵", "絵絵絵…"),
        ("e\u0301" * 9, "e\u0301" * 7 + "…"),
        ("❤\ufe0f" * 9, "❤\ufe0f" * 3 + "❤…"),
        ("", ""),
    ],
)
def test_texts_are_cut_by_columns_and_not_by_characters(text: str, cut: str) -> None:
    assert _cut(text, 8, "…") == cut
