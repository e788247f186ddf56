"""Real pictures for tables, where no fixture reaches."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

_IHDR_END = 33
_CHUNK_FRAME = 12


def drawn(width: int = 64, height: int = 64, *, mode: str = "RGBA", kind: str = "PNG", **settings: Any) -> bytes:
    """Return a picture's bytes; `mode`, `kind` and `settings` are PIL's."""
    file = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert(mode).save(file, format=kind, **settings)
    return file.getvalue()


def half_clear(kind: str, **settings: Any) -> bytes:
    """Return a picture of which one half can be seen through."""
    picture = Image.new("RGBA", (20, 12))
    picture.paste((200, 0, 0, 255), (0, 0, 10, 12))
    file = BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


def turned(width: int, height: int, orientation: int) -> bytes:
    """Return a JPEG whose Exif data say how to turn it before it is shown."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return drawn(width, height, mode="RGB", kind="JPEG", exif=exif)


def padded(png: bytes, size: int) -> bytes:
    """Return a png of exactly `size` bytes, by a chunk before its data that decoders pass over."""
    body = b"paDd" + bytes(size - len(png) - _CHUNK_FRAME)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_IHDR_END] + chunk + png[_IHDR_END:]
