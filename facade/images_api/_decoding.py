"""From a reply's body to its pictures' bytes, decoded and known to be whole."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from ._pictures import is_whole, media_type

_HEAD = 64


class BrokenPictureError(ValueError):
    """What should be a picture is cut short, isn't base64, or isn't a picture."""


def decode_json(body: bytes) -> Any:
    """Return a JSON body.

    Raises:
        ValueError: It isn't JSON, or nested too deep to be read.
    """
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def decode_picture(text: str) -> bytes:
    """Return the bytes of a picture in base64.

    Args:
        text: Base64, with or without line breaks, padding or a `data:` prefix, in either alphabet.

    Raises:
        BrokenPictureError: It isn't base64, or not that of a whole picture.
    """
    content = decode_data_url(text) if text.startswith("data:") else decode_base64(text)
    check_picture(content)
    return content


def decode_base64(text: str) -> bytes:
    """Return the bytes that base64 stands for, with or without line breaks and padding, in either alphabet.

    Raises:
        BrokenPictureError: It isn't base64.
    """
    import pybase64

    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        compact = "".join(text.split()).rstrip("=")
    altchars = "-_" if "-" in compact or "_" in compact else None
    try:
        return pybase64.b64decode(compact + "=" * (-len(compact) % 4), altchars, validate=True)
    except ValueError as error:
        raise BrokenPictureError(f"isn't base64 ({error})") from error


def decode_data_url(url: str) -> bytes:
    """Return what a `data:` URL holds, in base64 or percent-encoded.

    Raises:
        BrokenPictureError: It holds something that isn't base64 though it says so.
    """
    head, _, data = url.partition(",")
    content = unquote_to_bytes(data)
    return decode_base64(content.decode("ascii", errors="replace")) if head.endswith(";base64") else content


def check_picture(content: bytes) -> None:
    """Check that bytes are a whole picture.

    Raises:
        BrokenPictureError: They are cut short, or begin like no picture.
    """
    if media_type(content[:_HEAD]) is None:
        raise BrokenPictureError(f"isn't a picture: it begins with {content[:16]!r}" if content else "is empty")
    if not is_whole(BytesIO(content)):
        raise BrokenPictureError(f"is cut short after {len(content)} bytes")
