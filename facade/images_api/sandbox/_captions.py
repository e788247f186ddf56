"""Words on a placeholder: which fit, where they stand, and how large."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._scenery import Colour

_WHITE: Colour = (255, 255, 255)
_LINE_HEIGHT = 1.32
_LONGEST_READ = 4000
_LONGEST_LABEL = 200
_LEAST_SIDE, _LEAST_SIDE_FOR_LABELS = 44, 96
# Pillow's own font knows little beyond ASCII. These are found by name where a system has them.
_WIDE_FONTS = ("NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf")


class Caption(NamedTuple):
    """A card: its box, its lines with their upper left corners, and how both look."""

    box: tuple[int, int, int, int]
    lines: tuple[tuple[int, int, str], ...]
    font: ImageFont.FreeTypeFont
    paper: Colour
    ink: Colour
    opacity: int

    @property
    def letters(self) -> int:
        """The height of the letters in pixels."""
        return int(self.font.size)


def set_captions(prompt: str, labels: tuple[str, ...], size: tuple[int, int], ink: Colour) -> list[Caption]:
    """Set `prompt` on a pale card and `labels` on a dark tag, where there is room to read them."""
    if min(size) < _LEAST_SIDE:
        return []
    margin, scale = max(3, round(min(size) * 0.04)), math.sqrt(size[0] * size[1])
    captions: list[Caption] = []
    if shown := " ".join(prompt[:_LONGEST_READ].split()):
        captions.append(_card(shown, size, margin, scale, ink))
    if labels and min(size) >= _LEAST_SIDE_FOR_LABELS:
        captions.append(_tag(labels, size, margin, scale, ink))
    return captions


def _card(prompt: str, size: tuple[int, int], margin: int, scale: float, ink: Colour) -> Caption:
    """Take the largest letters in which the prompt fits; too long a prompt ends in an ellipsis."""
    width, height = size
    padding, smallest = max(4, round(margin * 0.7)), max(9, round(scale * 0.021))
    letters, inner = max(smallest, round(scale * 0.05)), width - 2 * (margin + padding)
    wide = not all(character < "\x7f" or character in "·…“”—" for character in prompt)
    if wide and _wide_font(letters) is None:
        # A bare letter reads better than the empty box of an accented one.
        parts = unicodedata.normalize("NFKD", prompt)
        prompt = "".join(part for part in parts if not unicodedata.combining(part))
    while True:
        font = _font(letters, wide=wide)
        rows = max(1, int((height * 0.42 - 2 * padding) / (letters * _LINE_HEIGHT)))
        lines, whole = _wrap(prompt, inner, rows, font.getlength)
        if whole or letters <= smallest:
            break
        letters = max(smallest, int(letters * 0.88))
    step = letters * _LINE_HEIGHT
    top = height - margin - 2 * padding - math.ceil(step * len(lines))
    first = top + padding + letters * 0.12
    written = ((margin + padding, round(first + row * step), line) for row, line in enumerate(lines))
    box = (margin, top, width - margin, height - margin)
    return Caption(box, tuple(written), font, _WHITE, ink, opacity=226)


def _tag(labels: tuple[str, ...], size: tuple[int, int], margin: int, scale: float, ink: Colour) -> Caption:
    """Leave out the last labels where room is short."""
    labels = tuple(label[:_LONGEST_LABEL] for label in labels)
    letters = max(10, round(scale * 0.021))
    font, across, down = _font(letters), round(letters * 0.7), round(letters * 0.38)
    line = "  ·  ".join(labels)
    while len(labels) > 1 and font.getlength(line) > size[0] - 2 * (margin + across):
        labels = labels[:-1]
        line = "  ·  ".join(labels)
    length = math.ceil(font.getlength(line)) + 2 * across
    box = (margin, margin, margin + length, margin + 2 * down + round(letters * 1.15))
    written = ((margin + across, margin + down, line),)
    return Caption(box, written, font, ink, _WHITE, opacity=190)


@lru_cache(maxsize=64)
def _font(letters: int, *, wide: bool = False) -> ImageFont.FreeTypeFont:
    found = _wide_font(letters) if wide else None
    return found or cast("ImageFont.FreeTypeFont", ImageFont.load_default(letters))


@lru_cache(maxsize=64)
def _wide_font(letters: int) -> ImageFont.FreeTypeFont | None:
    for name in _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, letters)
        except OSError:
            continue
    return None


def _wrap(text: str, width: int, rows: int, measure: Callable[[str], float]) -> tuple[list[str], bool]:
    """Return the lines, and whether they hold the whole text."""
    lines = [""]
    for word in text.split(" "):
        for chunk in _chunks(word, width, measure):
            joined = f"{lines[-1]} {chunk}".lstrip()
            if measure(joined) <= width:
                lines[-1] = joined
            else:
                lines.append(chunk)
            if len(lines) > rows:
                last = lines[rows - 1]
                while last and measure(f"{last}…") > width:
                    last = last[:-1]
                return [*lines[: rows - 1], f"{last.rstrip()}…"], False
    return lines, True


def _chunks(word: str, width: int, measure: Callable[[str], float]) -> Iterator[str]:
    """Cut a word that no line could hold: a URL, or a language that writes without blanks."""
    while len(word) > 1 and measure(word[:width]) > width:
        end = 1
        while measure(word[: end + 1]) <= width:
            end += 1
        yield word[:end]
        word = word[end:]
    yield word
