"""An image on the terminal itself: by the protocols that terminals have for it, or else as coloured half blocks."""

from __future__ import annotations

import os
import re
import select
import sys
from base64 import b64encode
from contextlib import contextmanager
from functools import cache
from io import BytesIO, StringIO
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO
from warnings import catch_warnings, simplefilter

from ._terminal import drop, encodable, room, takes_control

if TYPE_CHECKING:
    from collections.abc import Generator

    from PIL.Image import Image

KINDS = ("auto", "kitty", "iterm2", "sixel", "blocks")

_ASK = "ask"
# What tells a terminal, the first that fits; its own name before what it may have from the one that it was started in. Within
# another program that draws the screen, its images would have to be passed through, which tmux allows only who has set it up
# (https://github.com/tmux/tmux/wiki/FAQ#what-is-the-passthrough-escape-sequence-and-how-do-i-use-it), and which then scroll
# and overlap as they like.
_TERMINALS = (
    ("TMUX", ".+", "blocks"),
    ("STY", ".+", "blocks"),
    ("ZELLIJ", ".+", "blocks"),
    ("TERM", "(screen|tmux|linux)([.-].*)?", "blocks"),
    ("TERM", "xterm-(kitty|ghostty)", "kitty"),
    ("TERM", "(foot|mlterm)([+-].*)?", "sixel"),
    ("TERM_PROGRAM", "kitty|ghostty", "kitty"),
    ("TERM_PROGRAM", r"iTerm\.app|WezTerm|mintty", "iterm2"),
    ("TERM_PROGRAM", "Apple_Terminal", "blocks"),
    ("TERM_PROGRAM", ".+", _ASK),
    ("LC_TERMINAL", "iTerm2", "iterm2"),
    ("WEZTERM_PANE", ".+", "iterm2"),
    ("KONSOLE_VERSION", r"22(0[4-9]|1\d)\d\d|2[3-9]\d{4}|[3-9]\d{5}", "sixel"),
    ("VTE_VERSION", ".+", _ASK),
    ("KITTY_WINDOW_ID", ".+", "kitty"),
)
# What a terminal says of itself when it is asked: https://vt100.net/docs/vt510-rm/DA1.html; 4 stands for sixels.
_QUESTION, _ANSWER = b"\x1b[c", re.compile(rb"\x1b\[\?([\d;]*)c")
# Any terminal answers at once, but it may be far away.
_PATIENCE = 1.0
# https://vt100.net/docs/vt3xx-gp/chapter14.html: what an image begins with, and the definition of a colour.
_SIXEL_SIZES, _COLOUR = re.compile(r"\x1bP[\d;]*q\"[\d;]+"), re.compile(r"(#\d+);2;\d+;\d+;\d+")
_MOST_ROWS = 20
# In pixels, of the VT340; terminals that don't say how large theirs are draw sixels as if they were so.
_USUAL_CELL = (10, 20)
# What is seen through an image where it can't be the terminal: neither black nor white lines vanish on it.
_BEHIND = (128, 128, 128)


class NotShown(Exception):  # noqa: N818  nothing went wrong
    """An image can't be shown on the terminal; the text says why."""


def preview(content: bytes, kind: str = "auto") -> bool:
    """Show an image on the terminal that the standard error leads to, or else the standard output.

    It is as wide as the terminal at most, and 20 lines high; a smaller one isn't made larger. Of an animation, the first
    image is shown. Half blocks are made of colours: with `NO_COLOR`, they are shown only when they are asked for.

    Args:
        content: The image's bytes.
        kind: One of `KINDS`. With `auto`, the environment tells the terminal; if it doesn't, the terminal is asked.

    Returns:
        Whether the image was shown: False where there is no terminal, or one that can only print.

    Raises:
        NotShown: The bytes are no image that can be decoded, too many pixels come of them, or the terminal can't show it.
        ValueError: There is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    stream = next(filter(takes_control, (sys.stderr, sys.stdout)), None)
    if stream is None:
        return False
    try:
        terminal = _Terminal(stream)
    except OSError:  # it is no file, but something that only looks like a terminal
        return False
    image = _opened(content)
    with room(), catch_warnings():
        simplefilter("ignore")  # what a renderer is told of its own future is for its makers
        way = _best(stream) if kind == "auto" else kind
        if (way, kind) == ("blocks", "auto") and os.environ.get("NO_COLOR"):
            raise NotShown("this terminal shows images in coloured blocks alone, and NO_COLOR is set")
        text = _iterm2(image, terminal) if way == "iterm2" else _rendered(image, way, terminal)
        if encodable(text, stream) != text:
            raise NotShown(f"{stream.encoding}, the terminal's encoding, has no signs to show images with")
        try:
            stream.write(text)
            stream.flush()
        except OSError:
            drop(stream)
            return False
    return True


class _Terminal(StringIO):
    """What textual-image takes for the terminal: it tells the sizes, keeps what is written, and is never asked anything.

    Attributes:
        columns: The width in cells.
        rows: How many lines an image may take.
        cell: A cell's width and height in pixels.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        size = os.get_terminal_size(stream.fileno())
        self.columns = size.columns or 80
        self.rows = max(min(_MOST_ROWS, (size.lines or 24) - 1), 1)
        self._is_measured = False
        self.cell = _USUAL_CELL
        if os.name == "posix":
            import fcntl
            import struct
            import termios

            rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(stream, termios.TIOCGWINSZ, bytes(8)))
            if rows and columns and width >= columns and height >= rows:
                self.cell = (width // columns, height // rows)
                self._is_measured = True

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        # It is asked for the size of a cell by a sequence where the system doesn't tell it, and may answer too late.
        return self._is_measured


def _opened(content: bytes) -> Image:
    """Return an image of which no more than the header is read yet."""
    from PIL import Image

    from images_api._images.headers import HEAD, NAMES, media_type

    type_ = media_type(content[:HEAD])
    name = (type_ or "").removeprefix("image/").upper()
    Image.init()
    if name not in Image.OPEN:
        what = NAMES.get(type_ or "")
        raise NotShown(
            f"an image of the format {what} can't be shown on a terminal" if what else "its bytes are no known image's"
        )
    with _decoding():
        # No other format is tried, such as those for which Pillow runs a program.
        return Image.open(BytesIO(content), formats=(name,))


@contextmanager
def _decoding() -> Generator[None]:
    from PIL import Image

    try:
        with catch_warnings():
            # Nobody is told what decoders think of an image's data; but what warns of many pixels stops them.
            simplefilter("ignore")
            simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError) as error:
        raise NotShown("it has too many pixels for a preview") from error
    except Exception as error:  # each decoder has errors of its own
        raise NotShown("its bytes can't be decoded") from error


def _scaled(image: Image, width: int, height: int) -> Image:
    """Return an image that is turned upright, has red, green, blue and alpha, and is within a width and height."""
    from PIL import ImageOps

    side = max(width, height)
    with _decoding():
        # From the colours of a palette none between them could be made.
        small = image.convert("RGBA") if image.mode == "P" else image
        small.thumbnail((side, side))
        upright = ImageOps.exif_transpose(small).convert("RGBA")
        upright.thumbnail((width, height))
    return upright


def _best(stream: TextIO) -> str:
    """Return the kind that fits the terminal."""
    fitting = (kind for name, pattern, kind in _TERMINALS if re.fullmatch(pattern, os.environ.get(name, ""), re.DOTALL))
    known = next(fitting, _ASK)
    if known != _ASK:
        return known
    return "sixel" if _has_sixels(stream) else "blocks"


@cache
def _has_sixels(stream: TextIO) -> bool:
    """Ask the terminal; one that doesn't answer in time has none."""
    try:
        import termios
        import tty

        terminal = os.open(os.ttyname(stream.fileno()), os.O_RDWR | os.O_NOCTTY)
    except (ImportError, OSError):
        return False
    try:
        # Who is in the background would be stopped.
        if os.tcgetpgrp(terminal) != os.getpgrp():
            return False
        settings = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal, termios.TCSANOW)
            return _answer(terminal)
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, settings)
    except (OSError, termios.error):
        return False
    finally:
        os.close(terminal)


def _answer(terminal: int) -> bool:
    import termios

    deadline = monotonic() + _PATIENCE
    answer = b""
    # Who has typed already would have it taken for the answer.
    if not select.select([terminal], [], [], 0)[0]:
        os.write(terminal, _QUESTION)
        while select.select([terminal], [], [], max(deadline - monotonic(), 0))[0]:
            answer += os.read(terminal, 1)
            if found := _ANSWER.search(answer):
                return b"4" in found[1].split(b";")
        termios.tcflush(terminal, termios.TCIFLUSH)
    return False


def _iterm2(image: Image, terminal: _Terminal) -> str:
    """Return the sequence for inline images: https://iterm2.com/documentation-images.html."""
    scaled = _scaled(image, terminal.columns * terminal.cell[0], terminal.rows * terminal.cell[1])
    columns, rows = (ceil(pixels / cell) for pixels, cell in zip(scaled.size, terminal.cell, strict=True))
    file = BytesIO()
    scaled.save(file, "PNG")
    content = b64encode(file.getvalue()).decode()
    sizes = f"size={len(file.getvalue())};width={columns};height={rows};preserveAspectRatio=1"
    return f"\x1b]1337;File=inline=1;{sizes}:{content}\a\n"


def _rendered(image: Image, kind: str, terminal: _Terminal) -> str:
    """Return what textual-image makes of an image."""
    from rich.console import Console

    # Half blocks are two pixels high.
    cell = (1, 2) if kind == "blocks" else terminal.cell
    scaled = _scaled(image, terminal.columns * cell[0], terminal.rows * cell[1])
    columns, rows = (ceil(pixels / each) for pixels, each in zip(scaled.size, cell, strict=True))
    drawn = StringIO()
    console = Console(
        file=drawn,
        width=terminal.columns,
        force_terminal=True,
        # The number of kitty's image is in the colour of what holds its place.
        color_system="truecolor" if kind == "kitty" else "auto",
        no_color=False,
        legacy_windows=False,
    )
    with _as_stdout(None):  # else it asks the terminal when it is imported
        from textual_image.renderable import HalfcellImage, SixelImage, TGPImage
    renderable: Any = {"blocks": HalfcellImage, "sixel": SixelImage, "kitty": TGPImage}[kind]
    with _as_stdout(terminal):
        console.print(renderable(scaled if kind == "kitty" else _opaque(scaled), columns, rows))
    text = terminal.getvalue() + drawn.getvalue()
    return _colours_first(text) if kind == "sixel" else text


def _colours_first(text: str) -> str:
    """Return sixels whose colours are all defined before the first is used: xterm mixes up those that are defined later."""
    definitions = "".join(match[0] for match in _COLOUR.finditer(text))
    return _SIXEL_SIZES.sub(rf"\g<0>{definitions}", _COLOUR.sub(r"\1", text), count=1)


def _opaque(image: Image) -> Image:
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", image.size, _BEHIND), image).convert("RGB")


@contextmanager
def _as_stdout(stream: Any) -> Generator[None]:
    """Put something in the place of the standard output that textual-image takes for the terminal."""
    before = sys.__stdout__
    sys.__stdout__ = stream  # type: ignore[misc]
    try:
        yield
    finally:
        sys.__stdout__ = before  # type: ignore[misc]
