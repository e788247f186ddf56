"""An image's format, width and height, from its header. Nothing is decoded."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from io import SEEK_END
from itertools import takewhile
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# https://www.w3.org/TR/png-3/#11IHDR
_PNG_BEGIN = 8
_PNG_ALPHA_COLOURS = {4, 6}
# https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1: the frame headers, without DHT (C4), JPG (C8) and DAC (CC); what
# begins a segment, and isn't a fill byte, an FF of the data (00), or a marker without a segment (TEM, RST, SOI).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_MARKER = re.compile(rb"\xff([^\0\x01\xd0-\xd8\xff])")
JPEG_END = 0xD9
_JPEG_EXIF = 0xE1
_JPEG_LENGTH = 2
# Far more than any encoder writes: 16 GiB of the largest.
_MOST_SEGMENTS = 1 << 18
# https://developers.google.com/speed/webp/docs/riff_container
_WEBP_ALPHA_FLAG = 0x10
_EXIF_ORIENTATION = 0x0112
_QUARTER_TURNS = range(5, 9)
# https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapcoreheader
_BMP_CORE_HEADER = 12
# In AVIF and HEIC: the sides of each item, a thumbnail or tile among them; and a quarter turn.
_ITEM_SIDES = re.compile(rb"ispe\0{4}(.{4})(.{4})", re.DOTALL)
_ITEM_QUARTER_TURN = re.compile(rb"irot[\x01\x03]")
_ITEMS = 64 << 10
_CHUNK = 16 << 10

# A byte order mark, and what fills up letters of two bytes.
_MARKS_OF_TEXT = re.compile(rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)|\0")

# Width, height, and where it can be told whether there is transparency.
Sides: TypeAlias = tuple[int, int, bool | None]

# How many of an image's first bytes tell its media type.
HEAD = 64
SVG = "image/svg+xml"


@dataclass(frozen=True, slots=True, repr=False)
class ImageFacts:
    """What is known of an image without decoding it.

    Attributes:
        type: The media type, from the bytes; of an upload whose bytes are no known image's, what the caller said; else None.
        size: The size in bytes.
        width: Pixels, as shown: an image that its own data, such as Exif, turn on its side counts as turned. None where the
            bytes don't say.
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
    text = _MARKS_OF_TEXT.sub(b"", head)
    for kind, _, beginning, _ in _FORMATS:
        if re.match(beginning, text if kind == SVG else head, re.DOTALL):
            return kind
    return None


def read_facts(file: BinaryIO) -> ImageFacts:
    """Read what an image's header says.

    Args:
        file: A binary file that can be rewound; it is read from its beginning, and left anywhere.
    """
    size = file.seek(0, SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    kind = media_type(head)
    try:
        return ImageFacts(kind, size, *_SIDES[kind or ""](file, head))
    except (LookupError, ValueError, struct.error):  # of a format whose sides aren't read, or cut within the header
        return ImageFacts(kind, size)


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the kind of each chunk, and the offset behind it, to the end of the file (a struct.error)."""
    offset = _PNG_BEGIN
    while True:
        file.seek(offset)
        length, kind = struct.unpack(">I4s", file.read(8))
        offset += length + 12
        yield kind, offset


def jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield the kind, offset and length of each segment, to the image's end, which counts as one, or the file's (a struct.error).

    What else stands between two segments is skipped, such as the data of a scan, or stray bytes.
    """
    offset = 2
    for _ in range(_MOST_SEGMENTS):
        file.seek(offset)
        chunk = file.read(4)
        while not (marker := _JPEG_MARKER.search(chunk)):
            offset += len(chunk) - 1
            file.seek(offset)
            chunk = file.read(_CHUNK)
            if len(chunk) < 2:  # noqa: PLR2004  a marker
                raise struct.error
        offset += marker.end()
        kind = marker[1][0]
        if kind == JPEG_END:
            yield kind, offset, 0
            return
        file.seek(offset)
        (length,) = struct.unpack(">H", file.read(_JPEG_LENGTH))
        if length < _JPEG_LENGTH:
            break  # less than its own length
        yield kind, offset + _JPEG_LENGTH, length - _JPEG_LENGTH
        offset += length
    raise struct.error


def _png(file: BinaryIO, head: bytes) -> Sides:
    width, height, _, colour = struct.unpack_from(">IIBB", head, 16)
    # A transparent colour is said in a chunk of its own, before the data.
    before_data = takewhile(lambda kind: kind not in {b"IDAT", b"IEND"}, (kind for kind, _ in png_chunks(file)))
    return width, height, colour in _PNG_ALPHA_COLOURS or b"tRNS" in before_data


def _jpeg(file: BinaryIO, _head: bytes) -> Sides:
    turned = False
    for kind, offset, length in jpeg_segments(file):
        file.seek(offset)
        if kind in _JPEG_FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
            return (height, width, False) if turned else (width, height, False)
        if kind == _JPEG_EXIF:
            turned = turned or _is_turned(file.read(length))
    raise struct.error  # the end, without a frame


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


def _heif(file: BinaryIO, _head: bytes) -> Sides:
    file.seek(0)
    items = file.read(_ITEMS)
    sides = [tuple(int.from_bytes(side, "big") for side in item) for item in _ITEM_SIDES.findall(items)]
    width, height = max(sides, key=math.prod)
    return (height, width, None) if _ITEM_QUARTER_TURN.search(items) else (width, height, None)


def _bmp(_file: BinaryIO, head: bytes) -> Sides:
    width, height = struct.unpack_from("<HH" if head[14] == _BMP_CORE_HEADER else "<ii", head, 18)
    return width, abs(height), None  # below zero where the rows run from the top


# Each media type, the extension of its files, and what their first bytes match, and what reads their sides,
# where that is cheap.
_FORMATS: tuple[tuple[str, str, bytes, Callable[[BinaryIO, bytes], Sides] | None], ...] = (
    ("image/png", ".png", rb"\x89PNG\r\n\x1a\n", _png),
    ("image/jpeg", ".jpg", rb"\xff\xd8\xff", _jpeg),
    ("image/webp", ".webp", rb"RIFF.{4}WEBP", _webp),
    ("image/gif", ".gif", rb"GIF8[79]a", _gif),
    ("image/avif", ".avif", rb".{4}ftyp(?:.{4})*?avi[fs]", _heif),
    ("image/heic", ".heic", rb".{4}ftyp(?:.{4})*?he(?:i[cxms]|v[cxms])", _heif),
    ("image/heif", ".heif", rb".{4}ftyp(?:.{4})*?(?:mif1|msf1)", _heif),
    ("image/jxl", ".jxl", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", None),
    ("image/jp2", ".jp2", rb"\0\0\0\x0cjP  \r\n\x87\n", None),
    ("image/j2c", ".j2c", rb"\xff\x4f\xff\x51", None),
    ("image/tiff", ".tiff", rb"II(?:\*\0|\+\0\x08\0\0\0)|MM(?:\0\*|\0\+\0\x08\0\0)", None),
    # Two letters and a size that may be wrong begin a bitmap, and then the size of one of its headers.
    ("image/bmp", ".bmp", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", _bmp),
    ("image/vnd.microsoft.icon", ".ico", rb"\0\0\x01\0[^\0]\0.{3}\0", None),
    # A beginning that any XML may have is believed unless HTML is seen.
    (SVG, ".svg", rb"(?i)\s*<(?:(?:\w+:)?svg|(?!.*html)(?:\?xml|!--|!doctype svg))", None),
)
EXTENSIONS = {kind: extension for kind, extension, *_ in _FORMATS}
# As users say them.
NAMES = {kind: extension[1:] for kind, extension, *_ in _FORMATS} | {"image/jpeg": "jpeg"}
_SIDES = {kind: sides for kind, _, _, sides in _FORMATS if sides}
