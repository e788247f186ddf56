"""What may be sent as a file: bytes and binary files."""

from io import TextIOBase
from os import PathLike
from pathlib import PurePath
from typing import BinaryIO


def binary(payload: BinaryIO | bytes | bytearray | memoryview) -> BinaryIO | bytes:
    """Return what a file is made of, as httpx takes it.

    Args:
        payload: Bytes, or a binary file.

    Raises:
        TypeError: It is something else, such as a text, a path, or a file that was opened as text.
    """
    if isinstance(payload, bytes | bytearray | memoryview):
        return bytes(payload)
    if isinstance(payload, TextIOBase):
        raise TypeError("must be a file that was opened with mode 'rb', is one that was opened as text")
    if not hasattr(payload, "read"):
        hint = "; pass open(path, 'rb')" if isinstance(payload, str | PathLike) else ""
        raise TypeError(f"must be bytes or a binary file, is a {type(payload).__name__}{hint}")
    return payload


def file_name(payload: BinaryIO | bytes, mime_type: str | None) -> str:
    """Return the name of a file that was given none: its own on the disk, or one that fits its type.

    Args:
        payload: Bytes, or a binary file.
        mime_type: The type of the file, if it is known.
    """
    name = getattr(payload, "name", None)  # a number, or a text such as <fdopen>, where it has none
    known = PurePath(name).name if isinstance(name, str) and not name.startswith("<") else ""
    return known or f"upload.{(mime_type or '/bin').split('/')[1]}"
