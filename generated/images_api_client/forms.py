"""Turn a request's fields into the parts of a multipart/form-data body."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

from .types import File, FileTypes, RequestFiles, Unset

_BYTES = (bytes, bytearray, memoryview)


def form_parts(fields: Mapping[str, Any], files: Collection[str] = ()) -> RequestFiles:
    """Return the parts for a request's fields, the texts first and then the files, as httpx takes them.

    Unset and None are left out, for a form has no null. Booleans are written `true` and `false`; a nested object
    becomes `name[key]`; several files, or several values, become repeated `name[]`, a single file stays `name`.

    Args:
        fields: The request's fields by name. Values may be texts, numbers, booleans, files, sequences and mappings of
            these, models of this package, `None` and `UNSET`. A file may be given bare: as bytes, or as a binary file.
        files: The names of the fields that are files, and never texts.

    Returns:
        A list of (name, part) pairs for the `files` argument of httpx.

    Raises:
        TypeError: A text, a path or a text file stands where a file is expected.
    """
    parts = [part for name, value in fields.items() for part in _parts(name, value, is_file=name in files)]
    # A stable sort: within each half, the order of the fields stays.
    return sorted(parts, key=lambda part: part[1][0] is not None)


def _parts(name: str, value: Any, *, is_file: bool = False) -> Iterator[tuple[str, FileTypes]]:
    if value is None or isinstance(value, Unset):
        return
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _parts(f"{name}[{key}]", item, is_file=is_file)
    elif isinstance(value, Sequence) and not isinstance(value, (str, *_BYTES)):
        alone = len(value) == 1 and _may_be_file(value[0])
        for item in value:
            yield from _parts(name if alone else f"{name}[]", item, is_file=is_file)
    elif is_file or _may_be_file(value):
        yield name, _file(name, value).to_tuple()
    elif isinstance(value, bool):
        yield name, _text("true" if value else "false")
    else:
        yield name, _text(str(value))


def _may_be_file(value: Any) -> bool:
    return isinstance(value, (File, PathLike, *_BYTES)) or hasattr(value, "read")


def _file(name: str, value: Any) -> File:
    if isinstance(value, File):
        return value
    try:
        return File(value)
    except TypeError as error:
        raise TypeError(f"{name} {error}") from None


def _text(value: str) -> FileTypes:
    # With neither a file name nor a type, httpx sends the part as curl and browsers send a text field.
    return None, value.encode(), None
