"""Where a response has its images: in the API's own form, or wherever else there is what can only be one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .json import JSONReader

_LINK = re.compile(r"https?://\S+|/[^/\s]\S*")
_LINK_NAMES = re.compile(
    r"(?:(?:image|img|file|media|output|result|public|signed|download|content)_?)*(?:url|uri)s?"
    r"|images?|img|outputs?|results?|data|samples?|artifacts?",
    re.IGNORECASE,
)
# What was sent rather than made, what says what went wrong, and what shows an image a second time.
_OTHERS = re.compile(r"inputs?|request|parameters|errors?|usage|mask|thumbnails?|previews?", re.IGNORECASE)


def entries_of(reader: JSONReader, document: object) -> list[Any]:
    """Return what a document says of each image, in the API's own form: an object with its base64 or its link.

    Args:
        reader: What read the document.
        document: The JSON of it. Of images in another form, the base64 is taken out of it.
    """
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list):
        return [document] if is_entry(document) else [*_found(reader, document, "data")]
    entries = [found for entry in data for found in ([entry] if is_entry(entry) else [*_found(reader, entry, "data")] or [entry])]
    data[:] = [entry for entry in data if not isinstance(entry, str)]
    if any(map(is_entry, entries)):
        return entries
    return [*_found(reader, document, "data")] or entries


def is_entry(said: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether an object has an image in the API's own form."""
    return isinstance(said, dict) and any(said.get(name) and isinstance(said[name], str) for name in ("b64_json", "url"))


def _found(reader: JSONReader, said: object, name: str) -> Iterator[dict[str, Any]]:
    """Yield each image below a part of a document."""
    if isinstance(said, str):
        if reader.is_image(said):
            yield {"b64_json": said}
        elif _LINK_NAMES.fullmatch(name) and _LINK.fullmatch(said):
            yield {"url": said}
    elif isinstance(said, list):
        for each in said:
            yield from _found(reader, each, name)
        said[:] = [each for each in said if not (isinstance(each, str) and reader.is_image(each))]
    elif isinstance(said, dict):
        yield from _found_in_object(reader, said)


def _found_in_object(reader: JSONReader, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    texts = {name: each for name, each in said.items() if isinstance(each, str) and not _OTHERS.fullmatch(name)}
    images = {name: each for name, each in texts.items() if reader.is_image(each)}
    links = [found for name, each in texts.items() if name not in images for found in _found(reader, each, name)]
    for name in images:
        del said[name]
    plain = {name: each for name, each in said.items() if not isinstance(each, dict | list)}
    for text in images.values():
        yield plain | {"b64_json": text}
    if links and not images:
        yield plain | links[0]
    for name, each in said.items():
        if isinstance(each, dict | list) and not _OTHERS.fullmatch(name):
            yield from _found(reader, each, name)
