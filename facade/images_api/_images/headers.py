"""What an image's bytes say of it: its format, its sides, and whether it has its end. Nothing is decoded."""

import re
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import SEEK_CUR, SEEK_END
from itertools import takewhile
from typing import BinaryIO, TypeAlias
from xml.parsers import expat

# https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1: the frame headers, without DHT (C4), JPG (C8) and DAC (CC); what
# begins a segment with its length, or is the image's end, and isn't a fill byte, an FF of the data (00), or a marker without
# a segment (TEM, RST, SOI).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SEGMENT = re.compile(rb"\xff([^\0\x01\xd0-\xd8\xff])(?:(?<=\xd9)|(..))", re.DOTALL)
_JPEG_SCAN, _JPEG_END, _JPEG_EXIF = 0xDA, 0xD9, 0xE1
# Far more than any encoder writes; of the data of scans it makes a gigabyte.
_MOST_SEGMENTS = 260_000
# https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf: among the entries of twelve bytes, an orientation that is a
# quarter turn, in either byte order.
_QUARTER_TURN = rb"(?:II.{8}(?:.{12})*?\x12\x01\x03\0.{4}[\5-\x08]\0|MM.{8}(?:.{12})*?\x01\x12\0\x03.{4}\0[\5-\x08])"
_EXIF_QUARTER_TURN = re.compile(rb"Exif\0\0" + _QUARTER_TURN, re.DOTALL)
# https://www.w3.org/Graphics/GIF/spec-gif89a.txt
_GIF_IMAGE, _GIF_EXTENSION, _GIF_CONTROL, _GIF_END, _GIF_STRAY = b",", b"!", b"\xf9", b";", b"\0"
# An hour and more of frames at any rate.
_MOST_GIF_BLOCKS = 1 << 19
# Python's other threads have a turn after each, among them that of an event loop.
_SVG_CHUNK = 4 << 20
# In AVIF and HEIC: the sides of each item, a thumbnail or tile among them; and a quarter turn.
_ITEM_SIDES = re.compile(rb"ispe\0{4}(.{8})", re.DOTALL)
_ITEM_QUARTER_TURN = re.compile(rb"irot[\x01\x03]")
_ITEMS = 64 << 10
_CHUNK = 4000

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
    if found := re.match(_BEGINNINGS, head):
        return _FORMATS[(found.lastindex or 0) - 1][0]
    return SVG if re.match(_FORMATS[-1][2], head.replace(b"\0", b"")) else None  # of which letters of two bytes have one


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


def is_whole(file: BinaryIO) -> bool:
    """Tell whether an image has its end, as far as that is known of its format. What stands behind it is nobody's business.

    Args:
        file: A binary file that can be rewound; it is left anywhere.
    """
    size = file.seek(0, SEEK_END)
    file.seek(0)
    kind = media_type(file.read(HEAD))
    try:
        return _ENDS[kind](file, size) if kind in _ENDS else kind is not None
    except (struct.error, IndexError):
        return False


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the kind of each chunk, and the offset behind it, to the end of the file (a struct.error)."""
    offset = 8
    while True:
        file.seek(offset)
        length, kind = struct.unpack(">I4s", file.read(8))
        offset += length + 12
        yield kind, offset


def _png(file: BinaryIO, head: bytes) -> Sides:
    width, height, _, colour = struct.unpack_from(">IIBB", head, 16)  # https://www.w3.org/TR/png-3/#11IHDR
    # A transparent colour is said in a chunk of its own, before the data.
    before_data = takewhile(lambda kind: kind not in {b"IDAT", b"IEND"}, (kind for kind, _ in _png_chunks(file)))
    return width, height, colour in {4, 6} or b"tRNS" in before_data


def _png_ends(file: BinaryIO, size: int) -> bool:
    return any(kind == b"IEND" and end <= size for kind, end in _png_chunks(file))


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield the kind, offset and length of each segment, of which the image's end counts as one, to the end of the file.

    What else stands between two segments is skipped, such as the data of a scan, or stray bytes.
    """
    offset = 2
    for _ in range(_MOST_SEGMENTS):
        file.seek(offset)
        chunk = file.read(_CHUNK)
        if found := _JPEG_SEGMENT.search(chunk):
            length = int.from_bytes(found[2] or b"\0\2", "big") - 2
            if length < 0:
                break  # less than its own length
            yield found[1][0], offset + found.end(), length
            offset += found.end() + length
        elif len(chunk) < _CHUNK:
            break
        else:
            offset += _CHUNK - 3  # of which the next may begin with a segment's marker and half its length


def _jpeg(file: BinaryIO, _head: bytes) -> Sides:
    turned = False
    for kind, offset, length in _jpeg_segments(file):
        file.seek(offset)
        if kind in _JPEG_FRAMES:
            height, width = struct.unpack(">xHH", file.read(5))
            return (height, width, False) if turned else (width, height, False)
        if kind == _JPEG_EXIF:
            turned = turned or bool(_EXIF_QUARTER_TURN.match(file.read(length)))
    raise struct.error  # the end, without a frame


def _jpeg_ends(file: BinaryIO, _size: int) -> bool:
    kinds = (kind for kind, _, _ in _jpeg_segments(file))
    return _JPEG_SCAN in takewhile(lambda kind: kind != _JPEG_END, kinds) and _JPEG_END in kinds


def _webp(_file: BinaryIO, head: bytes) -> Sides:
    kind = head[12:16]
    if kind == b"VP8X":
        flags, width, wide, height, high = struct.unpack_from("<B3xHBHB", head, 20)
        return (wide << 16 | width) + 1, (high << 16 | height) + 1, bool(flags & 0x10)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF, False


def _webp_ends(file: BinaryIO, size: int) -> bool:
    file.seek(4)
    return size >= 8 + int.from_bytes(file.read(4), "little")


def _gif(_file: BinaryIO, head: bytes) -> Sides:
    return *struct.unpack_from("<HH", head, 6), None


def _gif_ends(file: BinaryIO, _size: int) -> bool:
    """Tell whether a gif's blocks lead to its end, or, where its last byte alone was left out, from an image to nothing."""
    file.seek(2)
    _skip_colours(file, 2)
    may_end = False
    for _ in range(_MOST_GIF_BLOCKS):
        block = file.read(1)
        if block == _GIF_IMAGE:
            _skip_colours(file, 1)
            may_end = True
        elif block == _GIF_EXTENSION:
            may_end = file.read(1) != _GIF_CONTROL and may_end
        elif block == _GIF_STRAY:
            may_end = False
            continue
        else:
            return block == _GIF_END or (not block and may_end)
        length = 0
        while length := file.read(length + 1)[length]:
            pass  # a block, of a row that an empty one ends
    return False


def _skip_colours(file: BinaryIO, more: int) -> None:
    """Skip the head of a screen or an image, its colours, and so many bytes more."""
    flags = file.read(9)[8]
    file.seek(more + (3 << (flags & 7) + 1 if flags & 0x80 else 0), SEEK_CUR)


def _heif(file: BinaryIO, _head: bytes) -> Sides:
    file.seek(0)
    items = file.read(_ITEMS)
    width, height = struct.unpack(">II", max(_ITEM_SIDES.findall(items)))
    return (height, width, None) if _ITEM_QUARTER_TURN.search(items) else (width, height, None)


def _svg_ends(file: BinaryIO, size: int) -> bool:
    """Tell whether so many bytes are one element, or begin with one."""
    parser = expat.ParserCreate()
    last_ended = deque[str](maxlen=1)
    parser.EndElementHandler = last_ended.append
    file.seek(0)
    try:
        for start in range(0, size, _SVG_CHUNK):
            parser.Parse(file.read(min(_SVG_CHUNK, size - start)))
        parser.Parse(b"", True)  # noqa: FBT003  takes no keywords
    except expat.ExpatError:  # where something is wrong, or stands behind the outermost element
        return parser.ErrorByteIndex < size and _svg_ends(file, parser.ErrorByteIndex)
    except (LookupError, ValueError):  # in an encoding that the parser doesn't know
        return True
    return last_ended[0].rpartition(":")[2].lower() == "svg"


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
    ("image/bmp", ".bmp", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", None),
    ("image/vnd.microsoft.icon", ".ico", rb"\0\0\x01\0[^\0]\0.{3}\0", None),
    # Behind a byte order mark; a beginning that any XML may have is believed unless HTML is seen.
    (SVG, ".svg", rb"(?is)(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<(?:(?:\w+:)?svg|(?!.*html)(?:\?xml|!--|!doctype svg))", None),
)
_BEGINNINGS = b"(?s)" + b"|".join(b"(%b)" % beginning for _, _, beginning, _ in _FORMATS[:-1])
EXTENSIONS = {kind: extension for kind, extension, *_ in _FORMATS}
# As users say them.
NAMES = {kind: extension[1:] for kind, extension, *_ in _FORMATS} | {"image/jpeg": "jpeg"}
_SIDES = {kind: sides for kind, _, _, sides in _FORMATS if sides}
_ENDS = {"image/png": _png_ends, "image/jpeg": _jpeg_ends, "image/webp": _webp_ends, "image/gif": _gif_ends, SVG: _svg_ends}
