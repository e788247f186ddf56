"""Pictures of any size in bytes that count as whole wherever one looks."""

import random
import struct
import zlib

_BEGIN = b"\x89PNG\r\n\x1a\n"


def make_picture(size: int) -> bytes:
    """Return a PNG of one pixel, as hard to compress as a photo.

    Args:
        size: In bytes, from 100.
    """
    before = _BEGIN + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 6, 0, 0, 0))
    after = _chunk(b"IDAT", zlib.compress(bytes(5))) + _chunk(b"IEND", b"")
    ballast = size - len(before + _chunk(b"baLl", b"") + after)
    # What a chunk in lower case holds is nobody's business: https://www.w3.org/TR/png-3/#5Chunk-naming-conventions
    return before + _chunk(b"baLl", random.Random(0).randbytes(ballast)) + after  # noqa: S311  no secret


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
