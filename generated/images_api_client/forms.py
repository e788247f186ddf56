"""Turn a request's fields into the parts of a multipart/form-data body."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .types import File, FileTypes, RequestFiles, Unset


def form_parts(fields: Mapping[str, Any]) -> RequestFiles:
    """Return the parts for a request's fields, the texts first and then the files, as httpx takes them.

    Unset and None are left out, for a form has no null. Booleans are written `true` and `false`; a nested object
    becomes `name[key]`; several files, or several values, become repeated `name[]`, a single file stays `name`.

    Args:
        fields: The request's fields by name. Values may be texts, numbers, booleans, files, sequences and mappings of
            these, models of this package, `None` and `UNSET`.

    Returns:
        A list of (name, part) pairs for the `files` argument of httpx.
    """
    parts = [part for name, value in fields.items() for part in _parts(name, value)]
    # A stable sort: within each half, the order of the fields stays.
    return sorted(parts, key=lambda part: part[1][0] is not None)


def _parts(name: str, value: Any) -> Iterator[tuple[str, FileTypes]]:
    if value is None or isinstance(value, Unset):
        return
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, File):
        yield name, value.to_tuple()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _parts(f"{name}[{key}]", item)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        alone = len(value) == 1 and isinstance(value[0], File)
        for item in value:
            yield from _parts(name if alone else f"{name}[]", item)
    elif isinstance(value, bool):
        yield name, _text("true" if value else "false")
    elif isinstance(value, bytes):
        yield name, (None, value, None)
    else:
        yield name, _text(str(value))


def _text(value: str) -> FileTypes:
    # With neither a file name nor a type, httpx sends the part as curl and browsers send a text field.
    return None, value.encode(), None
