"""From a reply's body to its pictures' bytes, decoded and known to be whole."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

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
    import pybase64

    try:
        content = pybase64.b64decode(text, validate=True)
    except ValueError:
        head, comma, data = text.partition(",")
        compact = "".join((data if comma and head.startswith("data:") else text).split()).rstrip("=")
        altchars = "-_" if "-" in compact or "_" in compact else None
        try:
            content = pybase64.b64decode(compact + "=" * (-len(compact) % 4), altchars, validate=True)
        except ValueError as error:
            raise BrokenPictureError(f"isn't base64 ({error})") from error
    check_picture(content)
    return content


def check_picture(content: bytes) -> None:
    """Check that bytes are a whole picture.

    Raises:
        BrokenPictureError: They are cut short, or begin like no picture.
    """
    if media_type(content[:_HEAD]) is None:
        raise BrokenPictureError(f"isn't a picture: it begins with {content[:16]!r}" if content else "is empty")
    if not is_whole(BytesIO(content)):
        raise BrokenPictureError(f"is cut short after {len(content)} bytes")
