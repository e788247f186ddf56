"""What the command line says and hands on: safe for terminals, closed pipes, full disks and encodings of any kind."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from platforms import needs_linux, needs_posix, needs_terminals
from terminals import PIPE, Terminal

from images_api.cli._terminal import ClosedPipe, is_terminal, printable, say, write

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = "import io, sys; from images_api.cli._terminal import *; "


def _started(code: str, **streams: Any) -> subprocess.Popen[bytes]:
    """Start Python with what is tested; it waits until its standard input is closed."""
    command = [sys.executable, "-W", "error", "-c", f"{_HEAD}sys.stdin.read()\n{code}"]
    return subprocess.Popen[bytes](command, stdin=subprocess.PIPE, **streams)


def _done(code: str, **streams: Any) -> tuple[int, bytes, bytes]:
    """Run Python with what is tested, and return its exit code and what it printed."""
    with _started(code, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams) as process:
        stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ein Bild äöü 絵 🦦", "ein Bild äöü 絵 🦦"),
        ("\x1b[31m\x9b2J\x07", "\\x1b[31m\\x9b2J\\x07"),
        ("a\u202eb\nc\rd\u2028", "a\\u202eb\\nc\\rd\\u2028"),
        ("\ud800", "\\ud800"),
        ("x" * 5_000, "x" * 4_000 + "... (5,000 characters)"),
    ],
)
def test_one_line_is_all_that_comes_of_a_text(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_messages_go_to_the_standard_error_and_their_lines_stay(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\ntwo \x1b[2J")
    write("a table\n  of two")
    assert capsys.readouterr() == ("a table\n  of two\n", "one\ntwo \\x1b[2J\n")


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"\\U0001f9a6 \\xfc"), ("latin-1", b"\\U0001f9a6 \xfc"), ("utf-8", "🦦 ü".encode())]
)
def test_what_an_encoding_lacks_is_escaped(encoding: str, shown: bytes) -> None:
    settings = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"}
    code, stdout, stderr = _done("say('🦦 ü'); write('🦦 ü')", env=settings)
    assert (code, stdout.strip(), stderr.strip()) == (0, shown, shown)


def test_bytes_are_handed_on_as_they_are_and_behind_what_was_written() -> None:
    _, stdout, _ = _done("write('a'); write_bytes(io.BytesIO(b'\\r\\n\\0\\xff' * 999_999))")
    assert stdout == f"a{os.linesep}".encode() + b"\r\n\0\xff" * 999_999


@pytest.mark.parametrize("code", ["write('x')", "write_bytes(io.BytesIO(b'x'))", "write_bytes(io.BytesIO(b'x' * 9_999_999))"])
def test_a_reader_that_is_gone_ends_it_quietly(code: str) -> None:
    code = f"try: {code}\nexcept ClosedPipe: sys.exit(7)"
    with _started(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        assert process.communicate()[1] == b""
    assert process.returncode == 7


def test_messages_that_nobody_can_read_are_no_fault() -> None:
    with _started("say('x'); say('y'); sys.exit(7)", stderr=subprocess.PIPE) as process:
        assert process.stderr
        process.stderr.close()
        process.stderr = None
        process.communicate()
    assert process.returncode == 7


@needs_posix
def test_streams_that_were_never_open_are_nobody_who_reads() -> None:
    code = f"{_HEAD}say('x')\ntry: write('x')\nexcept ClosedPipe: sys.exit(7)"
    done = subprocess.run(["/bin/sh", "-c", 'exec "$0" -c "$1" >&- 2>&-', sys.executable, code], check=False)  # noqa: S603  likewise
    assert done.returncode == 7


@needs_linux
def test_a_full_disk_is_an_error_that_is_said_once() -> None:
    code = "try: write_bytes(io.BytesIO(b'x'))\nexcept OSError as error: say(error.strerror); sys.exit(7)"
    with open("/dev/full", "wb") as full:
        status, _, stderr = _done(code, stdout=full)
    assert (status, stderr) == (7, b"No space left on device\n")


def test_what_is_no_terminal_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = open(tmp_path / "file", "w")  # noqa: SIM115  it is closed by then
    closed.close()
    assert not any(map(is_terminal, (None, closed, io.StringIO(), object())))


def test_a_stream_of_the_apps_own_that_leads_to_no_file_is_dropped_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(sys, "stderr", Gone())
    say("x")
    with pytest.raises(ClosedPipe):
        write("x")


@needs_terminals
def test_a_terminal_is_one_and_is_sent_what_is_said_and_nothing_else() -> None:
    code = "say(f'{is_terminal(sys.stdout)} {is_terminal(sys.stderr)} \x1b[31mred'); write('more')"
    with Terminal([sys.executable, "-c", _HEAD + code], stdout=PIPE) as terminal:
        assert terminal.wait() == 0
    assert terminal.screen.text == "False True \\x1b[31mred"
    assert terminal.screen.markup == "False True \\x1b\\[31mred"
    assert terminal.stdout == b"more\n"


@needs_terminals
def test_what_stands_in_a_terminal_is_seen_as_a_person_sees_it() -> None:
    code = "print('\x1b[1;31m絵\x1b[0m [a] \x1b[44m  \x1b[0m  \x1b[?25l'); input(); print('\x1bPq#0\x1b\\\\\x1b_Ga\x1b\\\\ end')"
    with Terminal([sys.executable, "-c", code], columns=20) as terminal:
        screen = terminal.wait_for(r"\[a\]")
        assert not screen.has_cursor
        assert screen.markup == "[bold red]絵[/] \\[a] [on blue]  [/]"
        terminal.resize(30)
        terminal.type("\r")
        assert terminal.wait() == 0
    assert terminal.screen.text.splitlines()[-1] == " end"
    assert terminal.has_shown(r"\A絵 \[a\]\Z")
