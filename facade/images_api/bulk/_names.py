"""What the files of a line are called: safe on every system, and no two of a job alike.

A name is a path under the folder of a job, with `{index}` and `{ext}` still to be filled in, and other braces doubled.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from images_api._problems import refused

if TYPE_CHECKING:
    from ._lines import Line

DEFAULT = "{custom_id}"
_FIELDS = ("custom_id", "number", "subject", "index", "ext")
# A width of three digits is no file name's; of what else a format can be, a number needs its width alone.
_WIDTH = re.compile(r"0?\d{0,2}")
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[\d¹²³]|con(in|out)\$) *(\.|\Z)", re.IGNORECASE)
# File systems take 255; what tells lines apart, an index and an extension come behind.
_LONGEST = 200
_WORDS = 48


class Template:
    """How files are named.

    Args:
        text: A path with `{custom_id}`, `{number}`, `{subject}`, `{index}` or `{ext}`, the number and the index with a width,
            such as `{number:06}`, or without. Images of a line that asks for several are numbered, and the extension is added,
            where it doesn't say them.

    Raises:
        InvalidRequestError: It has other fields, or leads out of the folder.
    """

    def __init__(self, text: str = DEFAULT) -> None:
        self._text = text
        try:
            fields = [field for field in Formatter().parse(text) if field[1] is not None]
        except ValueError as error:
            raise refused("names", text, f"must be a template ({error})") from None
        for _, name, width, conversion in fields:
            if name not in _FIELDS or conversion or not _WIDTH.fullmatch(width or ""):
                raise refused("names", text, f"may hold {', '.join(f'{{{each}}}' for each in _FIELDS)}")
            if width and name not in {"number", "index"}:
                raise refused("names", text, "may have a width for {number} and {index} only")
        if not fields or "{{" in text or "}}" in text:
            raise refused("names", text, "must hold a field, such as {custom_id}, and no other braces")
        if fault := _fault(re.sub("[{:}]", "", text)):
            raise refused("names", text, fault)
        names = {name for _, name, *_ in fields}
        self._has_id = "custom_id" in names
        one = text if "ext" in names else f"{text}.{{ext}}"
        several = one
        if "index" not in names:
            several = f"{one.removesuffix('.{ext}')}-{{index}}{'.{ext}' if one.endswith('.{ext}') else ''}"
        self._one, self._several = (list(Formatter().parse(each)) for each in (one, several))

    def name(self, line: Line, images: int) -> str:
        """Return what the files of a line are called.

        Args:
            line: The line.
            images: How many images it asks for.

        Raises:
            InvalidRequestError: That isn't safe as a file name.
        """
        if self._has_id and (fault := _fault(line.custom_id, is_name=True)):
            raise refused("custom_id", line.custom_id, f"names a file, and {fault}; names= may leave it out")
        name = "".join(
            text + self._value(line, field, width or "") if field else text
            for text, field, width, _ in (self._several if images > 1 else self._one)
        )
        if fault := _fault(filled(name, 1, "png")):
            raise refused("names", filled(name, 1, "png"), fault)
        return name

    @staticmethod
    def _value(line: Line, field: str, width: str) -> str:
        """Return what a field is filled in with: those that an image decides, with themselves."""
        if field == "custom_id":
            return line.custom_id.replace("{", "{{").replace("}", "}}")
        if field == "number":
            return format(line.number, width)
        if field == "subject":
            return _slug(line.subject)
        return f"{{{field}:{width}}}" if width else f"{{{field}}}"


def filled(name: str, index: int, extension: str) -> str:
    """Return the path of a line's image.

    Args:
        name: What the files of the line are called.
        index: Which of its images it is, from 1.
        extension: What kind of file it is, such as `png`.
    """
    return name.format(index=index, ext=extension)


def keys(name: str, images: int) -> list[str]:
    """Return what the names of a line's files are alike to on systems that take capitals or Unicode's forms for the same.

    Args:
        name: What the files are called.
        images: How many there are.
    """
    several = (filled(name, index, "*") for index in range(1, images + 1))
    return [unicodedata.normalize("NFC", unicodedata.normalize("NFD", each).casefold()) for each in several]


def _fault(path: str, *, is_name: bool = False) -> str:
    """Say what keeps a path from being one on every system, and within its folder; nothing if nothing does."""
    for part in [path] if is_name else path.split("/"):
        if not part or part.startswith((".", " ")) or part.endswith((".", " ")):
            return "must have no part that is empty, begins with a dot, or has a blank or a dot at its end"
        if found := _UNSAFE.search(part):
            return f"must not hold {found[0]!r}"
        if _DEVICE.match(part):
            return "must not be what Windows calls a device"
        if len(part.encode(errors="replace")) > _LONGEST:
            return f"must have at most {_LONGEST} bytes"
    return "must be relative to the folder" if Path(path).is_absolute() else ""


def _slug(subject: str) -> str:
    words = "-".join(re.findall(r"[^\W_]+", subject.lower()))
    slug = words[:_WORDS].encode()[:128].decode(errors="ignore").strip("-") or "image"
    return f"image-{slug}" if _DEVICE.match(slug) else slug
