"""An image's format, width and height, from its header, and whether it is whole. Nothing is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

# https://www.w3.org/TR/png-3/#11IHDR
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
_PNG_ALPHA_COLOURS = {4, 6}
# https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1: the frame headers, without DHT (C4), JPG (C8) and DAC (CC).
_JPEG_MAGIC = b"\xff\xd8\xff"
_JPEG_END = b"\xff\xd9"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_FILL = 0xFFFF
_JPEG_EXIF = 0xE1
_EXIF_ORIENTATION = 0x0112
_QUARTER_TURNS = range(5, 9)
# https://developers.google.com/speed/webp/docs/riff_container
_WEBP_ALPHA_FLAG = 0x10
# Encoders may add a few bytes behind the end of an image; a cut one has no end marker among its last bytes.
_TAIL = 1024
_JPEG_SCAN = 0xDA
_JPEG_LENGTH = 2
_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = b",", b"!", b";"
# Width, height, and where it can be told whether there is transparency.
Sides: TypeAlias = tuple[int, int, bool | None]

# How many of an image's first bytes tell its media type.
HEAD = 64

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/svg+xml": ".svg",
}


@dataclass(frozen=True, slots=True, repr=False)
class ImageFacts:
    """What is known of an image without decoding it.

    Attributes:
        type: The media type, from the bytes; of an upload whose bytes are no known image's, what the caller said; else None.
        size: The size in bytes.
        width: Pixels, as shown: a JPEG that its Exif orientation turns counts as turned. None where the bytes don't say.
        height: Pixels, likewise.
        alpha: Whether there is an alpha channel, or a transparent colour. None where the bytes don't say, and for a gif, where
            each frame has its own.
        name: The file name of an upload.
    """

    type: str | None
    size: int
    width: int | None = None
    height: int | None = None
    alpha: bool | None = None
    name: str = ""

    def __repr__(self) -> str:
        sides = "" if self.width is None else f", {self.width}x{self.height}"
        return f"{self.name!r} ({self.type or 'no known image format'}{sides}, {self.size} bytes)"


def media_type(head: bytes) -> str | None:
    """Return the media type that an image's first 64 bytes stand for, or None where they are no image's."""
    if head.startswith(_PNG_MAGIC):
        return "image/png"
    if head.startswith(_JPEG_MAGIC):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"html" not in text):
        return "image/svg+xml"
    return None


def is_whole(file: BinaryIO) -> bool:
    """Tell whether an image has its end.

    Args:
        file: A binary file that can be rewound, with an image of a known format.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEAD)
    kind = media_type(head)
    try:
        if kind == "image/png":
            return _PNG_END in _tail(file, size, 0)
        if kind == "image/jpeg":
            # A small image in the Exif data, before the scan, has an end of its own.
            return _JPEG_END in _tail(file, size, next(start for kind, start, _ in _jpeg_segments(file) if kind == _JPEG_SCAN))
        if kind == "image/webp":
            return bool(size >= 8 + int.from_bytes(head[4:8], "little"))
        if kind == "image/gif":
            return _gif_ends(file)
    except struct.error:
        return False  # cut within the header
    return kind == "image/svg+xml" and _svg_ends(file)


def _tail(file: BinaryIO, size: int, start: int) -> bytes:
    file.seek(max(start, size - _TAIL))
    return file.read()


def read_facts(file: BinaryIO) -> ImageFacts:
    """Read what an image's header says.

    Args:
        file: A binary file that can be rewound; it is read from its beginning, and left anywhere.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEAD)
    kind = media_type(head)
    try:
        return ImageFacts(kind, size, *_SIDES[kind or ""](file, head))
    except (KeyError, struct.error):  # of no known format, or cut within the header
        return ImageFacts(kind, size)


def _png(file: BinaryIO, head: bytes) -> Sides:
    width, height, _, colour = struct.unpack_from(">IIBB", head, 16)
    alpha = colour in _PNG_ALPHA_COLOURS
    offset = len(_PNG_MAGIC)
    while not alpha:  # a transparent colour is said in a chunk of its own, before the data
        file.seek(offset)
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in {b"IDAT", b"IEND"}:
            break
        alpha = kind == b"tRNS"
        offset += length + 12
    return width, height, alpha


def _jpeg(file: BinaryIO, _head: bytes) -> Sides:
    turned = False
    for kind, offset, length in _jpeg_segments(file):
        file.seek(offset)
        if kind in _JPEG_FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
            return (height, width, False) if turned else (width, height, False)
        if kind == _JPEG_EXIF:
            turned = turned or _is_turned(file.read(length))
    raise AssertionError("unreachable: the segments end with a struct.error")


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield the kind, offset and length of each segment, to the end of the file (a struct.error)."""
    offset = 2
    while True:
        file.seek(offset)
        marker, length = struct.unpack(">HH", file.read(4))
        if marker == _JPEG_FILL:  # a fill byte before the marker proper
            offset += 1
            continue
        if length < _JPEG_LENGTH:
            raise struct.error  # less than its own length
        yield marker & 0xFF, offset + 4, length - _JPEG_LENGTH
        offset += 2 + length


def _gif_ends(file: BinaryIO) -> bool:
    """Tell whether a gif's blocks lead to its end; the end's one byte stands anywhere in the data as well."""
    file.seek(10)
    _skip_colours(file, *struct.unpack("B2x", file.read(3)))
    while (block := file.read(1)) in {_GIF_IMAGE, _GIF_EXTENSION}:
        if block == _GIF_IMAGE:
            _skip_colours(file, *struct.unpack("8xB", file.read(9)))
        file.seek(1, 1)
        while length := int.from_bytes(file.read(1), "big"):
            file.seek(length, 1)
    return block == _GIF_END


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (flags & 7) + 1, 1)


def _svg_ends(file: BinaryIO) -> bool:
    from xml.parsers import expat

    file.seek(0)
    parser = expat.ParserCreate()
    try:
        parser.Parse(file.read().rstrip(b"\0"), True)  # noqa: FBT003  takes no keywords
    except expat.ExpatError as error:
        return error.code == expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
    return True


def _is_turned(segment: bytes) -> bool:
    if not segment.startswith(b"Exif\0\0"):
        return False
    tiff = segment[6:]
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _EXIF_ORIENTATION:
                return value in _QUARTER_TURNS
    except struct.error:
        pass  # broken Exif data turns nothing
    return False


def _webp(_file: BinaryIO, head: bytes) -> Sides:
    kind = head[12:16]
    if kind == b"VP8X":
        flags, width, wide, height, high = struct.unpack_from("<B3xHBHB", head, 20)
        return (wide << 16 | width) + 1, (high << 16 | height) + 1, bool(flags & _WEBP_ALPHA_FLAG)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF, False


def _gif(_file: BinaryIO, head: bytes) -> Sides:
    return *struct.unpack_from("<HH", head, 6), None


_SIDES = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp, "image/gif": _gif}
