"""Tell an image's media type from its first bytes."""

from typing import BinaryIO

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
)
_LONGEST = max(offset + len(magic) for magic, offset, _ in _SIGNATURES)


def media_type(payload: BinaryIO | bytes) -> str | None:
    """Return the media type of an image, and leave a file where it stood.

    Args:
        payload: Bytes, or a binary file; its beginning is looked at, since that is where httpx starts to send from.

    Returns:
        `image/png`, `image/jpeg`, `image/gif` or `image/webp`; None for anything else, or when the file can't be rewound.
    """
    if isinstance(payload, bytes):
        head = payload[:_LONGEST]
    elif payload.seekable():
        position = payload.tell()
        payload.seek(0)
        head = payload.read(_LONGEST)
        payload.seek(position)
    else:
        return None
    for magic, offset, name in _SIGNATURES:
        if head[offset : offset + len(magic)] == magic:
            return name
    return None
