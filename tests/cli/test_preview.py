"""Images on real terminals: what is sent is decoded again and compared with the image."""

from __future__ import annotations

import io
import re
import struct
import subprocess
import sys
import zlib
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
from pictures import half_clear, turned
from PIL import Image, ImageChops, ImageDraw, ImageStat
from platforms import needs_terminals
from terminals import ASKED, PIPE, PLAIN, SIXEL, Terminal
from waiting import wait_until

from images_api.cli._preview import _TERMINALS, KINDS, _best, preview

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# An image, the kind, and how long an answer is waited for; what comes of it is written to the standard output, and what is
# typed next as well.
_CODE = """
import sys
from images_api.cli import _preview
from images_api.cli._live import LiveLine
with open(sys.argv[1], "rb") as file:
    content = file.read()
_preview._PATIENCE = float(sys.argv[3])
try:
    print(_preview.preview(content, sys.argv[2]), flush=True)
except _preview.NotShown as error:
    print(error, flush=True)
"""
# What the terminal still has for whoever reads next.
_READ_REST = """
import select, termios, tty
tty.setcbreak(0)
print(sys.stdin.readline() if select.select([0], [], [], 0)[0] else "nothing", flush=True)
"""
_LONG = "60"


def _drawn(width: int = 600, height: int = 400, mode: str = "RGB") -> Image.Image:
    """Return an image that is another one when it is turned, mirrored or cut."""
    ramp = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.ROTATE_180), ramp))
    ImageDraw.Draw(image).rectangle((0, 0, width // 3, height // 3), fill=(250, 200, 0))
    return image.convert(mode)


def _bytes(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _shown(
    path: Path, content: bytes, kind: str = "auto", *, before: str = "", more: str = "", patience: str = _LONG, **options: Any
) -> Terminal:
    """Run a program that shows an image in a terminal, to its end."""
    (path / "image").write_bytes(content)
    command = [sys.executable, "-c", f"{before}\n{_CODE}\n{more}", str(path / "image"), kind, patience]
    options = {"stdout": PIPE} | options
    with Terminal(command, **options) as terminal:
        assert terminal.wait() == 0, terminal.screen.text
    return terminal


def _is_like(image: Image.Image, other: Image.Image, tolerance: float = 12) -> bool:
    """Tell whether two images are the same but for scaling and few colours."""
    images = [each.convert("RGB").resize((30, 20), Image.Resampling.BOX) for each in (image, other)]
    return max(ImageStat.Stat(ImageChops.difference(*images)).mean) < tolerance


def _from_kitty(raw: bytes) -> tuple[Image.Image, Mapping[str, str]]:
    """Decode an image that was sent, and what was said of the place that it is put in."""
    messages = [
        (dict(each.split("=") for each in keys.decode().split(",")), payload)
        for keys, payload in re.findall(rb"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", raw)
    ]
    sent = [(keys, payload) for keys, payload in messages if "f" in keys]
    (placed,) = [keys for keys, _ in messages if keys.get("a") == "p"]
    assert all(len(payload) <= 4096 and keys["q"] == "2" and keys["f"] == "100" for keys, payload in sent)
    assert [keys["m"] for keys, _ in sent] == ["1"] * (len(sent) - 1) + ["0"]
    assert {keys["i"] for keys, _ in messages} == {placed["i"]}
    return Image.open(io.BytesIO(b64decode(b"".join(payload for _, payload in sent)))), placed


def _from_iterm2(raw: bytes) -> tuple[Image.Image, Mapping[str, str]]:
    """Decode an image that was sent, and its options."""
    ((options, content),) = re.findall(rb"\x1b\]1337;File=([^:]*):([^\x07]*)\x07", raw)
    keys = dict(each.split("=") for each in options.decode().split(";"))
    assert int(keys["size"]) == len(b64decode(content))
    assert (keys["inline"], keys["preserveAspectRatio"]) == ("1", "1")
    return Image.open(io.BytesIO(b64decode(content))), keys


def _from_sixels(raw: bytes) -> Image.Image:
    """Decode an image that was sent: https://vt100.net/docs/vt3xx-gp/chapter14.html."""
    ((width, height, data),) = re.findall(rb"\x1bP[\d;]*q\"\d+;\d+;(\d+);(\d+)(.*?)\x1b\\", raw, re.DOTALL)
    image = Image.new("RGB", (int(width), int(height)), (255, 0, 255))
    colours: dict[bytes, tuple[int, ...]] = {}
    x, y, colour = 0, 0, b""
    for number, definition, times, bits, move in re.findall(rb"#(\d+)((?:;\d+)*)|(?:!(\d+))?([?-~])|([$-])", data):
        if number:
            colour = number
            if definition:
                # xterm mixes colours up that are defined after others were used.
                assert (x, y) == (0, 0)
                space, *parts = map(int, definition[1:].split(b";"))
                assert space == 2
                colours[number] = tuple(round(each * 2.55) for each in parts)
        elif bits:
            run = int(times or 1)
            for bit in range(6):
                if (bits[0] - 63) >> bit & 1:
                    image.paste(colours[colour], (x, y + bit, x + run, y + bit + 1))
            x += run
        else:
            x, y = 0, y + (6 if move == b"-" else 0)
    return image


def _from_blocks(terminal: Terminal) -> Image.Image:
    """Return what is seen on the screen, each block being two pixels."""
    lines = [re.findall(r"\[(\w+)(?: on (\w+))?\](▀+)\[/\]", line) for line in terminal.screen.markup.splitlines()]
    columns = [[colours for *colours, run in line for _ in run] for line in lines]
    image = Image.new("RGB", (len(columns[0]), len(columns) * 2))
    for y, line in enumerate(columns):
        for x, (upper, lower) in enumerate(line):
            for below, colour in enumerate((upper, lower)):
                image.putpixel((x, 2 * y + below), tuple(bytes.fromhex(colour)))
    return image


def _bomb(width: int, height: int) -> bytes:
    """Return a png that says that it has so many pixels."""
    png = bytearray(_bytes(_drawn(8, 8)))
    png[16:24] = struct.pack(">II", width, height)
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    return bytes(png)


_CONTENTS = {
    "png": _bytes(_drawn()),
    "palette": _bytes(_drawn().quantize(64)),
    "alpha": _bytes(_drawn(mode="RGBA")),
    "grey": _bytes(_drawn(mode="L")),
    "jpeg": _bytes(_drawn(), "JPEG"),
    "webp": _bytes(_drawn(), "WEBP", lossless=True),
    "gif": _bytes(_drawn(), "GIF", save_all=True, append_images=[Image.new("RGB", (600, 400), "red")]),
    "huge": _bytes(_drawn(6_000, 4_000), "JPEG"),
}


@needs_terminals
@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}], ids=["colour", "plain"])
def test_what_each_kind_shows_is_the_image(columns: int, colours: dict[str, str], tmp_path: Path) -> None:
    # Cells are 8 pixels wide and 16 high; 20 lines of them are 320 pixels, and 480 wide is what fits that.
    width, height = (60, 20) if columns == 80 else (40, 14)
    original = _drawn()
    mirrored = original.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    shown = {kind: _shown(tmp_path, _CONTENTS["png"], kind, columns=columns, env=colours) for kind in KINDS[1:]}
    assert {terminal.stdout for terminal in shown.values()} == {b"True\n"}
    assert [shown[kind].screen.cursor for kind in ("sixel", "blocks")] == [(height, 0)] * 2

    kitty, placed = _from_kitty(shown["kitty"].raw)
    assert (placed["c"], placed["r"], placed["U"]) == (str(width), str(height), "1")
    # Each cell that is to hold a part of it has its number as a colour.
    number = int(placed["i"])
    assert f"\x1b[38;2;{number >> 16 & 255};{number >> 8 & 255};{number & 255}m\U0010eeee" in shown["kitty"].raw.decode()
    assert shown["kitty"].raw.decode().count("\U0010eeee") == width * height
    assert shown["kitty"].raw.count(b"\n") == height

    iterm2, options = _from_iterm2(shown["iterm2"].raw)
    assert (options["width"], options["height"]) == (str(width), str(height))
    assert iterm2.width <= width * 8

    sixel = _from_sixels(shown["sixel"].raw)
    assert sixel.size == (width * 8, height * 16)

    blocks = _from_blocks(shown["blocks"])
    assert blocks.size == (width, 2 * (20 if columns == 80 else 14))
    for image in (kitty, iterm2, sixel, blocks):
        assert _is_like(image, original)
        assert not _is_like(image, mirrored)


@needs_terminals
@pytest.mark.parametrize("content", _CONTENTS)
def test_an_image_is_the_same_whatever_its_format(content: str, tmp_path: Path) -> None:
    image, _ = _from_iterm2(_shown(tmp_path, _CONTENTS[content], "iterm2").raw)
    assert _is_like(image, Image.open(io.BytesIO(_CONTENTS[content])))
    assert image.size == (480, 320)


@needs_terminals
def test_an_image_is_upright_and_not_larger_than_it_is(tmp_path: Path) -> None:
    image, options = _from_iterm2(_shown(tmp_path, turned(32, 64, 6), "iterm2").raw)
    assert (image.size, options["width"], options["height"]) == ((64, 32), "8", "2")


@needs_terminals
@pytest.mark.parametrize("kind", ["sixel", "blocks"])
def test_what_can_be_seen_through_is_neither_black_nor_white(kind: str, tmp_path: Path) -> None:
    terminal = _shown(tmp_path, half_clear("PNG"), kind)
    image = _from_blocks(terminal) if kind == "blocks" else _from_sixels(terminal.raw)
    red, clear = (image.getpixel((round(image.width * share), image.height // 2)) for share in (0.2, 0.8))
    assert red == (200, 0, 0) or kind == "sixel"
    assert clear == pytest.approx((128, 128, 128), abs=3)


@needs_terminals
def test_kinds_that_know_of_it_are_told_what_can_be_seen_through(tmp_path: Path) -> None:
    content = half_clear("PNG")
    images = [_from_kitty(_shown(tmp_path, content, "kitty").raw)[0], _from_iterm2(_shown(tmp_path, content, "iterm2").raw)[0]]
    assert [image.convert("RGBA").getpixel((image.width - 1, 0)) for image in images] == [(0, 0, 0, 0)] * 2


@needs_terminals
def test_a_terminal_of_few_colours_is_sent_those(tmp_path: Path) -> None:
    terminal = _shown(tmp_path, _CONTENTS["png"], "blocks", env={"COLORTERM": None})
    assert b"\x1b[38;5;" in terminal.raw
    assert b";2;" not in terminal.raw
    assert _is_like(_from_blocks(terminal), _drawn(), tolerance=30)


@needs_terminals
def test_a_terminal_that_tells_no_sizes_is_taken_for_a_usual_one_and_not_asked(tmp_path: Path) -> None:
    terminal = _shown(tmp_path, _CONTENTS["png"], "sixel", cell=(0, 0))
    assert _from_sixels(terminal.raw).size == (600, 400)
    assert not re.search(rb"\x1b\[\d*[ct]", terminal.raw)


@needs_terminals
@pytest.mark.parametrize(("answer", "is_sixel"), [(SIXEL, True), (PLAIN, False), (b"\x1b[?4;64c", True), (b"\x1b[?1;2c", False)])
def test_a_terminal_that_is_not_known_is_asked(answer: bytes, is_sixel: bool, tmp_path: Path) -> None:  # noqa: FBT001
    terminal = _shown(tmp_path, _CONTENTS["png"], answers={ASKED: answer}, more=_READ_REST)
    assert (b"\x1bP" in terminal.raw) is is_sixel
    assert terminal.stdout == b"True\nnothing\n"
    assert terminal.raw.count(ASKED) == 1
    # An answer that is echoed begins so.
    assert b"^[" not in terminal.raw


@needs_terminals
@pytest.mark.parametrize("answer", [b"", b"\x1b[?62;4", b"\x1b[?64;4;x", b"\x1b[1;1R"])
def test_a_terminal_that_answers_nothing_of_use_is_not_waited_for_and_echoes_nothing(answer: bytes, tmp_path: Path) -> None:
    terminal = _shown(tmp_path, _CONTENTS["png"], answers={ASKED: answer}, patience="0.3", more=_READ_REST)
    assert _is_like(_from_blocks(terminal), _drawn())
    assert terminal.stdout == b"True\nnothing\n"
    assert b"^[" not in terminal.raw


@needs_terminals
def test_what_was_typed_before_is_left_to_whom_it_is_for(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(_CONTENTS["png"])
    begin, end = "print('begun', file=sys.stderr)\nsys.stdin.readline()", "print(open('/dev/tty').readline(), flush=True)"
    code = f"import sys\n{begin}\n{_CODE}\n{end}"
    command = [sys.executable, "-c", code, str(tmp_path / "image"), "auto", _LONG]
    with Terminal(command, stdin=PIPE, stdout=PIPE, answers={ASKED: SIXEL}) as terminal:
        terminal.wait_for("begun")
        terminal.type("ls -l\r")
        terminal.wait_for("ls -l")
        assert terminal.process.stdin
        terminal.process.stdin.close()
        assert terminal.wait() == 0
    assert terminal.stdout.split() == [b"True", b"ls", b"-l"]
    assert ASKED not in terminal.raw


@needs_terminals
def test_ctrl_c_while_it_is_asked_leaves_a_terminal_that_echoes(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(_CONTENTS["png"])
    command = [sys.executable, "-c", _CODE, str(tmp_path / "image"), "auto", _LONG]
    with Terminal(command, answers={}, stdout=PIPE) as terminal:
        assert terminal.echoes
        wait_until(lambda: ASKED in terminal.raw)
        assert not terminal.echoes
        terminal.type("\x03")
        assert terminal.wait() != 0
        assert terminal.echoes


@needs_terminals
@pytest.mark.parametrize(
    "before",
    [
        pytest.param("if os.fork(): sys.exit(os.wait()[1])\nos.setpgid(0, 0)", id="in the background"),
        pytest.param("if os.fork(): sys.exit(os.wait()[1])\nos.setsid()", id="another session's"),
        pytest.param("def ttyname(file): raise OSError\nos.ttyname = ttyname", id="without a name"),
    ],
)
def test_a_terminal_that_cannot_be_asked_is_not(before: str, tmp_path: Path) -> None:
    terminal = _shown(tmp_path, _CONTENTS["png"], before=f"import os, sys\n{before}")
    assert terminal.stdout == b"True\n"
    assert ASKED not in terminal.raw


@pytest.mark.parametrize(
    ("env", "kind"),
    [
        ({"TERM": "xterm-kitty", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1", "VTE_VERSION": "7600"}, "asked"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "LC_TERMINAL": "iTerm2"}, "asked"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"TERM": "xterm-256color", "WEZTERM_PANE": "0"}, "iterm2"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, "blocks"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "220400"}, "sixel"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "250803"}, "sixel"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "210802"}, "asked"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "linux"}, "blocks"),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, "blocks"),
        ({"TERM": "screen.xterm-256color", "LC_TERMINAL": "iTerm2"}, "blocks"),
        ({"TERM": "xterm-kitty", "ZELLIJ": "0"}, "blocks"),
        ({"TERM": "xterm-256color", "STY": "1.pts"}, "blocks"),
        ({"TERM": "xterm-256color"}, "asked"),
        ({}, "asked"),
    ],
    ids=str,
)
def test_the_environment_tells_the_terminal(env: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, *_ in _TERMINALS:
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    asked: list[object] = []
    monkeypatch.setattr("images_api.cli._preview._has_sixels", asked.append)
    assert (_best(sys.stderr), len(asked)) == (("blocks", 1) if kind == "asked" else (kind, 0))


_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"


@needs_terminals
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (_SVG, "an image of the format svg can't be shown on a terminal"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "an image of the format jxl can't be shown on a terminal"),
        (_EPS, "its bytes are no known image's"),
        (b"", "its bytes are no known image's"),
        (_CONTENTS["png"][:20], "its bytes can't be decoded"),
        (_CONTENTS["png"][:200], "its bytes can't be decoded"),
        (_CONTENTS["jpeg"][:2_000], "its bytes can't be decoded"),
        (_bomb(30_000, 10_000), "it has too many pixels for a preview"),
        (_bomb(9_500, 10_000), "it has too many pixels for a preview"),
    ],
    ids=range(9),
)
def test_what_cannot_be_decoded_is_said_and_nothing_is_shown(content: bytes, why: str, tmp_path: Path) -> None:
    terminal = _shown(tmp_path, content, "blocks")
    assert (terminal.stdout.decode(), terminal.raw) == (f"{why}\n", b"")


@needs_terminals
@pytest.mark.parametrize(
    ("kind", "env", "said"),
    [
        ("auto", {"NO_COLOR": "1"}, "this terminal shows images in coloured blocks alone, and NO_COLOR is set"),
        ("blocks", {"PYTHONIOENCODING": "ascii"}, "ascii, the terminal's encoding, has no signs to show images with"),
        ("kitty", {"PYTHONIOENCODING": "ascii"}, "ascii, the terminal's encoding, has no signs to show images with"),
        ("blocks", {"TERM": "dumb"}, "False"),
    ],
)
def test_a_terminal_that_cannot_show_images_is_sent_none(kind: str, env: dict[str, str], said: str, tmp_path: Path) -> None:
    terminal = _shown(tmp_path, _CONTENTS["png"], kind, env=env)
    assert (terminal.stdout.decode(), terminal.raw.replace(ASKED, b"")) == (f"{said}\n", b"")


def test_where_there_is_no_terminal_nothing_is_shown_nor_imported(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(_CONTENTS["png"])
    code = f"{_CODE}\nprint([name for name in sys.modules if name.startswith(('rich', 'PIL', 'textual'))])"
    done = subprocess.run([sys.executable, "-c", code, path, "blocks", "0"], capture_output=True, check=True)  # noqa: S603  it is this file's
    assert (done.stdout.split(), done.stderr) == ([b"False", b"[]"], b"")


@needs_terminals
def test_the_standard_output_is_used_where_the_standard_error_is_no_terminal(tmp_path: Path) -> None:
    before = "import os, sys\nsys.stderr = open(os.devnull, 'w')"
    terminal = _shown(tmp_path, _CONTENTS["png"], "iterm2", before=before, stdout=None)
    assert _is_like(_from_iterm2(terminal.raw)[0], _drawn())


@needs_terminals
def test_a_line_that_is_shown_steps_aside(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(_CONTENTS["png"])
    more = """
with LiveLine("generating"):
    sys.stdin.readline()
    _preview.preview(content, "blocks")
    sys.stdin.readline()
"""
    with Terminal(
        [sys.executable, "-c", _CODE + more, tmp_path / "image", "auto", "0"], stdin=PIPE, env={"TMUX": "x", "NO_COLOR": "1"}
    ) as terminal:
        stdin = terminal.process.stdin
        assert stdin
        terminal.wait_for(". generating")
        stdin.write(b"\n")
        stdin.flush()
        screen = terminal.wait_for(r"(▀+\n){20}. generating")
        assert screen.text.count("generating") == 1
        stdin.close()
        assert terminal.wait() == 0
    assert "generating" not in terminal.screen.text


def test_kinds_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of auto, kitty, iterm2, sixel, blocks, not 'x'"):
        preview(_CONTENTS["png"], "x")


@needs_terminals
@pytest.mark.parametrize("fails", ["write", "fileno"])
def test_a_terminal_that_is_gone_or_never_was_one_shows_nothing(fails: str, tmp_path: Path) -> None:
    before = f"""
import sys
class Terminal:
    encoding = "utf-8"
    def isatty(self): return True
    def fileno(self): return 2
    def write(self, text): pass
    def flush(self): pass
def fail(*_): raise OSError
sys.stderr = Terminal()
sys.stderr.{fails} = fail
"""
    terminal = _shown(tmp_path, _CONTENTS["png"], "blocks", before=before)
    assert (terminal.stdout, terminal.raw) == (b"False\n", b"")
