"""Whether an image is whole: its parts lead to its end. What stands behind the end is nobody's business."""

from __future__ import annotations

import struct
from collections import deque
from io import SEEK_CUR, SEEK_END
from typing import BinaryIO
from xml.parsers import expat

from .headers import HEAD, JPEG_END, SVG, jpeg_segments, media_type, png_chunks

_JPEG_SCAN = 0xDA
# https://www.w3.org/Graphics/GIF/spec-gif89a.txt
_GIF_IMAGE, _GIF_EXTENSION, _GIF_CONTROL, _GIF_END, _GIF_STRAY = b",", b"!", b"\xf9", b";", b"\0"
_CHUNK = 2048
# An hour and more of frames at any rate.
_MOST_GIF_BLOCKS = 1 << 19
_JUNK_BEHIND = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
# Python's other threads have a turn after each, among them that of an event loop.
_SVG_CHUNK = 4 << 20


def is_whole(file: BinaryIO) -> bool:
    """Tell whether an image has its end, as far as that is known of its format.

    Args:
        file: A binary file that can be rewound, with an image of any format.
    """
    file.seek(0)
    kind = media_type(file.read(HEAD))
    try:
        return _ENDS[kind](file) if kind in _ENDS else kind is not None
    except struct.error:
        return False


def _png_ends(file: BinaryIO) -> bool:
    size = file.seek(0, SEEK_END)
    return any(kind == b"IEND" and end <= size for kind, end in png_chunks(file))


def _jpeg_ends(file: BinaryIO) -> bool:
    kinds = (kind for kind, _, _ in jpeg_segments(file))
    return _JPEG_SCAN in kinds and JPEG_END in kinds


def _webp_ends(file: BinaryIO) -> bool:
    size = file.seek(0, SEEK_END)
    file.seek(4)
    return size >= 8 + int.from_bytes(file.read(4), "little")


def _gif_ends(file: BinaryIO) -> bool:
    """Tell whether a gif's blocks lead to its end, or, where its last byte alone was left out, from an image to nothing."""
    file.seek(10)
    _skip_colours(file, *struct.unpack("B2x", file.read(3)))
    may_end = False
    for _ in range(_MOST_GIF_BLOCKS):
        block = file.read(1)
        if block == _GIF_IMAGE:
            _skip_colours(file, *struct.unpack("8xB", file.read(9)))
            file.seek(1, SEEK_CUR)
            may_end = True
        elif block == _GIF_EXTENSION:
            may_end = file.read(1) != _GIF_CONTROL and may_end
        elif block == _GIF_STRAY:
            may_end = False
            continue
        else:
            return block == _GIF_END or (not block and may_end)
        _skip_blocks(file)
    return False


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (flags & 7) + 1, SEEK_CUR)


def _skip_blocks(file: BinaryIO) -> None:
    """Skip a row of blocks, the last of which is empty."""
    while chunk := file.read(_CHUNK):
        index, end = 0, len(chunk)
        while index < end and (length := chunk[index]):
            index += length + 1
        file.seek(index - end, SEEK_CUR)
        if index < end:
            file.seek(1, SEEK_CUR)
            return
    raise struct.error


def _svg_ends(file: BinaryIO) -> bool:
    size = file.seek(0, SEEK_END)
    stop = _parse_svg(file, size)
    # What stands behind the outermost element, and is no text, stops the parser, too.
    return stop is None or (stop < size and _parse_svg(file, stop) is None)


def _parse_svg(file: BinaryIO, size: int) -> int | None:
    """Return where within so many bytes something is wrong; None where they are one element."""
    parser = expat.ParserCreate()
    last_ended = deque[str](maxlen=1)
    parser.EndElementHandler = last_ended.append
    file.seek(0)
    try:
        for start in range(0, size, _SVG_CHUNK):
            parser.Parse(file.read(min(_SVG_CHUNK, size - start)))
        parser.Parse(b"", True)  # noqa: FBT003  takes no keywords
    except expat.ExpatError as error:
        if error.code != _JUNK_BEHIND:
            return parser.ErrorByteIndex
    return None if last_ended[0].rpartition(":")[2].lower() == "svg" else size


_ENDS = {"image/png": _png_ends, "image/jpeg": _jpeg_ends, "image/webp": _webp_ends, "image/gif": _gif_ends, SVG: _svg_ends}
