"""A contact sheet: one HTML file beside the images of a run, which shows what became of each line.

It shows the images themselves, which a browser loads as they come into sight: so a sheet of 10,000 lines has a few megabytes and
is written in seconds. With thumbnails in it, it can be given away alone.
"""

from __future__ import annotations

import os
import unicodedata
from base64 import b64encode
from contextlib import suppress
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from secrets import token_hex
from time import gmtime, strftime, time
from typing import TYPE_CHECKING, NamedTuple, TextIO
from urllib.parse import quote

from images_api._images.headers import read_facts

from ._journal import Journal, State
from ._summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ._journal import Entry, SavedFile

FILE = "sheet.html"
_KINDS = {State.DONE: "good", State.REFUSED: "bad", State.FAILED: "bad", State.AMBIGUOUS: "doubt"}
_WAITING = {State.PENDING: "Not sent yet", State.SENDING: "On its way"}
# Twice as wide as they are shown, for the screens that have so many pixels.
_THUMBNAIL, _QUALITY = 384, 60
_MOST_COLUMNS = 4
# What joins and separates letters in many scripts is no trick, unlike all else that can't be seen.
_HARMLESS = frozenset("\n\t\u200c\u200d")
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_CONTROLS = 0x20
_MEGABYTE = 1_000_000
_CONTROL_PICTURES = 0x2400


def write_sheet(folder: str | Path, *, thumbnails: bool = False) -> Path:
    """Write the contact sheet of a run, `sheet.html` in its folder, whole or not at all.

    It may be written while the run goes on. It asks nobody for anything, and has no secret in it.

    Args:
        folder: The folder of the images, with the journal.
        thumbnails: Whether small images are in the sheet itself, of a few kilobytes each, so that it can be read without the
            folder; that needs Pillow, and 10,000 of them minutes.

    Returns:
        The sheet.

    Raises:
        InvalidRequestError: The folder has no journal, or it can't be read.
        ImportError: Pillow is missing.
        OSError: The folder can't be written.
    """
    if thumbnails and find_spec("PIL") is None:
        raise ImportError("thumbnails need Pillow, which isn't installed: pip install pillow", name="PIL")
    folder = Path(folder)
    temporary = folder / f".{FILE}-{token_hex(4)}"
    with Journal(folder, read_only=True) as journal:
        try:
            with temporary.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
                _write(file, folder, journal, thumbnails=thumbnails)
                file.flush()
                os.fsync(file.fileno())
            return temporary.replace(folder / FILE)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def _write(file: TextIO, folder: Path, journal: Journal, *, thumbnails: bool) -> None:
    summary = Summary.of(journal)
    style, script = _content("sheet.css"), _content("sheet.js")
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (style, script)]
    policy = [
        *("default-src 'none'", "img-src 'self' file: data:", f"style-src {hashes[0]}", f"script-src {hashes[1]}"),
        *("base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"),
    ]
    heading = folder.absolute().name or str(folder)
    said = {
        "policy": escape("; ".join(policy)),
        "title": _shown(f"Contact sheet: {heading}"),
        "style": style,
        "heading": _shown(heading),
        "summary": _shown(_sum(summary)),
        "states": "\n      ".join(_choices(summary.counts)),
        "none": "hidden" if summary.lines else "",
        "nothing": "None of these lines." if summary.lines else "The journal has no line of a job yet.",
        "script": script,
    }
    parts = _content("sheet.html").split("@")
    for index, part in enumerate(parts):
        if index % 2 == 0:
            file.write(part)
        elif part == "cards":
            file.writelines(_card(entry, folder, thumbnails=thumbnails) for entry in journal.entries())
        else:
            file.write(said[part])


def _sum(summary: Summary) -> str:
    counts = ", ".join(f"{count:,} {state}" for state, count in summary.counts.items() if count)
    parts = [f"{_counted(summary.images, 'image')} of {_counted(summary.lines, 'line')}" + (f": {counts}" if counts else "")]
    tokens = summary.usage.get("total_tokens")
    parts += [f"{tokens:,} tokens"] if tokens else []
    parts += [f"cost {summary.cost:.2f}"] if summary.cost is not None else []
    return " · ".join([*parts, f"written {strftime('%Y-%m-%d %H:%M', gmtime(time()))} UTC"])


def _choices(counts: Mapping[State, int]) -> Iterator[str]:
    there = {"": sum(counts.values())} | {state.value: count for state, count in counts.items() if count}
    for name, count in there.items():
        text = f"<span>{name.capitalize() or 'All'} {count:,}</span>"
        yield f'<label><input type="radio" name="state" value="{name}"{"" if name else " checked"}>{text}</label>'


def _card(entry: Entry, folder: Path, *, thumbnails: bool) -> str:
    """Return what the sheet shows of a line."""
    images = [_image(folder, file, thumbnails=thumbnails) for file in entry.files]
    several = len(images) > 1
    made = [
        _linked(image, entry.custom_id + (f", {index} of {len(images)}" if several else ""))
        for index, image in enumerate(images, 1)
    ]
    kind = _KINDS.get(entry.state, "waiting")
    why = entry.error or _WAITING.get(entry.state, "No image")
    if not made:
        made = [f'<p class="instead" data-kind="{kind}">{_shown(why)}</p>']
    error = f'<p class="error">{_shown(entry.error)}</p>' if images and entry.error else ""
    custom_id = _shown(entry.custom_id)
    columns = min(_MOST_COLUMNS, ceil(sqrt(len(made))))
    return (
        f'<li data-state="{entry.state}"><article><div class="made" data-columns="{columns}">{"".join(made)}</div>'
        f'<div class="words"><h2><bdi dir="auto">{_shown(entry.subject) or custom_id}</bdi></h2>'
        f'<p class="about"><span class="id" title="{custom_id}">{custom_id}</span>'
        f'<span class="state" data-kind="{kind}">{entry.state}</span></p>'
        f'<p class="facts">{_facts(entry, images)}</p>{error}</div></article></li>\n'
    )


def _facts(entry: Entry, images: Sequence[_Image]) -> str:
    """Return what is to be known of the images; where there are none, the short name of the reason."""
    if not images:
        return _shown(entry.error_code or "")
    sides = " or ".join(dict.fromkeys(image.sides for image in images if image.sides))
    count = [f"{len(images)} images"] if len(images) > 1 else []
    return ", ".join([*count, *filter(None, [sides]), _size(sum(file.size for file in entry.files))])


class _Image(NamedTuple):
    """What is shown of a file.

    Attributes:
        url: Where it lies.
        source: What is shown; nothing where the file is missing.
        sides: How wide and high it is; nothing where that can't be read.
        attributes: The same for HTML.
    """

    url: str
    source: str
    sides: str = ""
    attributes: str = ""


def _image(folder: Path, file: SavedFile, *, thumbnails: bool) -> _Image:
    url = quote(file.path.encode(errors="surrogateescape"), safe="/")
    try:
        with (folder / file.path).open("rb") as opened:
            facts = read_facts(opened)
            small = _small(folder / file.path) if thumbnails else ""
    except OSError:
        return _Image(url, "")
    if facts.width is None:
        return _Image(url, small or url)
    sides = f"{facts.width} \u00d7 {facts.height}"
    return _Image(url, small or url, sides, f' width="{facts.width}" height="{facts.height}"')


def _linked(image: _Image, name: str) -> str:
    if not image.source:
        return f'<p class="instead">{_shown(name)}: the file is missing</p>'
    shown = f'<img src="{image.source}" alt="{_shown(name)}"{image.attributes} loading="lazy" decoding="async">'
    return f'<a href="{image.url}">{shown}</a>'


def _small(path: Path) -> str:
    """Return a thumbnail as a `data:` URL; nothing where Pillow can't read the image."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.draft("RGB", (_THUMBNAIL, _THUMBNAIL))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((_THUMBNAIL, _THUMBNAIL))
            file = BytesIO()
            upright.convert("RGBA" if upright.has_transparency_data else "RGB").save(file, "WEBP", quality=_QUALITY)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # whatever it says of what it can't read
        return ""
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"


def _shown(text: str) -> str:
    """Return a text as HTML, in which all can be seen, and nothing turns the order of the rest."""
    return escape(text if text.isprintable() else "".join(map(_symbol, text)))


def _symbol(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return chr(_CONTROL_PICTURES + code) if code < _CONTROLS else f"[U+{code:04X}]"


def _size(size: int) -> str:
    if size < _MEGABYTE:
        return f"{max(size // 1000, 1)} kB"
    return f"{size / _MEGABYTE:.1f} MB"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@cache
def _content(name: str) -> str:
    return files(__package__ or "").joinpath("sheet", name).read_text(encoding="utf-8")
