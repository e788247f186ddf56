"""An image's format, width and height, from its header. Nothing is decoded."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from itertools import takewhile
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

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
# https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf and https://www.awaresystems.be/imaging/tiff/bigtiff.html
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_ORIENTATION = 0x0100, 0x0101, 0x0112
_TIFF_NUMBERS = {3: "H", 4: "I", 16: "Q"}
_BIG_TIFF = 43
_MOST_TAGS = 4096  # they are in order, and ours among the first
_QUARTER_TURNS = range(5, 9)
# https://learn.microsoft.com/windows/win32/api/wingdi/ns-wingdi-bitmapcoreheader
_BMP_CORE_HEADER = 12
_ICO_LARGEST = 256
# In AVIF and HEIC: the sides of each item, a thumbnail or tile among them; and a quarter turn.
_ITEM_SIDES = re.compile(rb"ispe\0{4}(.{4})(.{4})", re.DOTALL)
_ITEM_QUARTER_TURN = re.compile(rb"irot[\x01\x03]")
_ITEMS = 64 << 10
_JP2_SIDES = re.compile(rb"jp2h.{4}ihdr(.{8})", re.DOTALL)
_CHUNK = 16 << 10

# A byte order mark, and what fills up letters of two bytes.
_MARKS_OF_TEXT = re.compile(rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)|\0")

# Width, height, and where it can be told whether there is transparency.
Sides: TypeAlias = tuple[int, int, bool | None]

# How many of an image's first bytes tell its format.
HEAD = 64


class Format(NamedTuple):
    """An image format.

    Attributes:
        name: As users say it.
        type: The media type.
        extension: That of its files.
        beginning: What its first bytes match.
        sides: Reads width, height and transparency from a file and its first bytes, where that is cheap.
    """

    name: str
    type: str
    extension: str
    beginning: bytes
    sides: Callable[[BinaryIO, bytes], Sides] | None = None


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


def image_format(head: bytes) -> Format | None:
    """Return the format that an image's first 64 bytes stand for, or None where they are no image's."""
    found = next((each for each in FORMATS if re.match(each.beginning, head, re.DOTALL)), None)
    if found is None and re.match(SVG.beginning, _MARKS_OF_TEXT.sub(b"", head), re.DOTALL):
        return SVG
    return found


def media_type(head: bytes) -> str | None:
    """Return the media type that an image's first 64 bytes stand for, or None where they are no image's."""
    found = image_format(head)
    return found and found.type


def read_facts(file: BinaryIO) -> ImageFacts:
    """Read what an image's header says.

    Args:
        file: A binary file that can be rewound; it is read from its beginning, and left anywhere.
    """
    size = file.seek(0, SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    found = image_format(head)
    if found is None:
        return ImageFacts(None, size)
    try:
        return ImageFacts(found.type, size, *found.sides(file, head)) if found.sides else ImageFacts(found.type, size)
    except (LookupError, ValueError, struct.error):  # cut within the header, or broken
        return ImageFacts(found.type, size)


class Window:
    """A file's bytes by their offset, some of them at hand."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start, self._chunk = 0, b""

    def reach(self, offset: int, size: int = 1) -> tuple[bytes, int]:
        """Return a chunk with so many bytes from an offset on, and where in it they begin.

        Raises:
            struct.error: The file ends before.
        """
        index = offset - self._start
        if index + size <= len(self._chunk):
            return self._chunk, index
        self._file.seek(offset)
        self._start, self._chunk = offset, self._file.read(_CHUNK)
        if len(self._chunk) < size:
            raise struct.error
        return self._chunk, 0


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the kind of each chunk, and the offset behind it, to the end of the file (a struct.error)."""
    window, offset = Window(file), _PNG_BEGIN
    while True:
        length, kind = struct.unpack_from(">I4s", *window.reach(offset, 8))
        offset += length + 12
        yield kind, offset


def jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield the kind, offset and length of each segment, to the image's end, which counts as one, or the file's (a struct.error).

    What else stands between two segments is skipped, such as the data of a scan, or stray bytes.
    """
    window, offset = Window(file), 2
    for _ in range(_MOST_SEGMENTS):
        chunk, index = window.reach(offset, 2)
        while (marker := _JPEG_MARKER.search(chunk, index)) is None:
            offset += len(chunk) - index - 1
            chunk, index = window.reach(offset, 2)
        offset += marker.end() - index
        kind = marker[1][0]
        if kind == JPEG_END:
            yield kind, offset, 0
            return
        (length,) = struct.unpack_from(">H", *window.reach(offset, _JPEG_LENGTH))
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
    try:
        return next((value for tag, value in _tags(BytesIO(segment[6:])) if tag == _TIFF_ORIENTATION), 1) in _QUARTER_TURNS
    except struct.error:
        return False  # broken Exif data turn nothing


def _tiff(file: BinaryIO, _head: bytes) -> Sides:
    tags = dict(_tags(file))
    width, height = tags[_TIFF_WIDTH], tags[_TIFF_HEIGHT]
    return (height, width, None) if tags.get(_TIFF_ORIENTATION) in _QUARTER_TURNS else (width, height, None)


def _tags(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the first directory's tags that are a number."""
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    offset, count, entry = ("8xQ", "Q", "HHQ8s") if version == _BIG_TIFF else ("4xI", "H", "HHI4s")
    (start,) = struct.unpack_from(order + offset, head)
    file.seek(min(start, file.seek(0, SEEK_END)))
    (entries,) = struct.unpack(order + count, file.read(struct.calcsize(order + count)))
    for _ in range(min(entries, _MOST_TAGS)):
        tag, kind, _, value = struct.unpack(order + entry, file.read(struct.calcsize(order + entry)))
        if kind in _TIFF_NUMBERS:
            yield tag, struct.unpack_from(order + _TIFF_NUMBERS[kind], value)[0]


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


def _ico(file: BinaryIO, head: bytes) -> Sides:
    """Return the sides of the largest."""
    file.seek(6)
    entries = struct.iter_unpack("BB14x", file.read(16 * int.from_bytes(head[4:6], "little")))
    return *max((width or _ICO_LARGEST, height or _ICO_LARGEST) for width, height in entries), None


def _jp2(file: BinaryIO, _head: bytes) -> Sides:
    file.seek(0)
    (sides,) = _JP2_SIDES.findall(file.read(_ITEMS))[:1]
    height, width = struct.unpack(">II", sides)
    return width, height, None


def _j2c(_file: BinaryIO, head: bytes) -> Sides:
    right, bottom, left, top = struct.unpack_from(">IIII", head, 8)
    return right - left, bottom - top, None


FORMATS = (
    Format("png", "image/png", ".png", rb"\x89PNG\r\n\x1a\n", _png),
    Format("jpeg", "image/jpeg", ".jpg", rb"\xff\xd8\xff", _jpeg),
    Format("webp", "image/webp", ".webp", rb"RIFF.{4}WEBP", _webp),
    Format("gif", "image/gif", ".gif", rb"GIF8[79]a", _gif),
    Format("avif", "image/avif", ".avif", rb".{4}ftyp(?:.{4})*?avi[fs]", _heif),
    Format("heic", "image/heic", ".heic", rb".{4}ftyp(?:.{4})*?(?:hei[cxms]|hev[cxms])", _heif),
    Format("heif", "image/heif", ".heif", rb".{4}ftyp(?:.{4})*?(?:mif1|msf1)", _heif),
    Format("jxl", "image/jxl", ".jxl", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
    Format("jp2", "image/jp2", ".jp2", rb"\0\0\0\x0cjP  \r\n\x87\n", _jp2),
    Format("j2c", "image/j2c", ".j2c", rb"\xff\x4f\xff\x51", _j2c),
    Format("tiff", "image/tiff", ".tiff", rb"II(?:\*\0|\+\0\x08\0\0\0)|MM(?:\0\*|\0\+\0\x08\0\0)", _tiff),
    # Two letters and a size that may be wrong begin a bitmap, and then the size of one of its headers.
    Format("bmp", "image/bmp", ".bmp", rb"BM.{8}.{4}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", _bmp),
    Format("ico", "image/vnd.microsoft.icon", ".ico", rb"\0\0\x01\0[^\0]\0.{3}\0", _ico),
)
# A beginning that any XML may have is believed unless HTML is seen.
SVG = Format("svg", "image/svg+xml", ".svg", rb"(?i)\s*<(?:(?:\w+:)?svg|(?!.*html)(?:\?xml|!--|!doctype svg))")
EXTENSIONS = {each.type: each.extension for each in (*FORMATS, SVG)}
NAMES = {each.type: each.name for each in (*FORMATS, SVG)}
