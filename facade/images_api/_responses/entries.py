"""Where a response has its images: in the API's own form, or wherever else there is what can only be one."""

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from .json import JSONReader

_LINK = re.compile(r"https?://\S+|/[^/\s]\S*")
_LINK_NAMES = re.compile(
    r"(?:(?:image|img|file|media|output|result|public|signed|download|content)_?)*(?:url|uri)s?"
    r"|images?|img|outputs?|results?|data|samples?|artifacts?",
    re.IGNORECASE,
)
# What was sent rather than made, what says what went wrong, and what shows an image a second time.
_OTHERS = re.compile(r"inputs?|request|parameters|errors?|usage|mask|thumbnails?|previews?", re.IGNORECASE)


def entries_of(reader: JSONReader, document: dict[str, Any]) -> list[Any]:
    """Return what a document says of each image, in the API's own form: an object with its base64 or its link.

    Args:
        reader: What read the document.
        document: The JSON of it. Of images in another form, the base64 is taken out of it.
    """
    data, entries = document.get("data"), list[Any]()
    if isinstance(data, list):
        entries = [found for entry in data for found in _entries_in(reader, entry) or [entry]]
        data[:] = [entry for entry in data if not isinstance(entry, str)]
    return entries if any(map(is_entry, entries)) else _entries_in(reader, document) or entries


def is_entry(said: object) -> TypeGuard[dict[str, Any]]:
    """Tell whether an object has an image in the API's own form."""
    return isinstance(said, dict) and any(said.get(name) and isinstance(said[name], str) for name in ("b64_json", "url"))


def _entries_in(reader: JSONReader, said: object) -> list[dict[str, Any]]:
    return [said] if is_entry(said) else [*_found(reader, said, "data")]


def _found(reader: JSONReader, said: object, name: str) -> Iterator[dict[str, Any]]:
    """Yield each image below a part of a document that has a name."""
    if isinstance(said, str) and reader.is_image(said):
        yield {"b64_json": said}
    elif isinstance(said, str) and _LINK_NAMES.fullmatch(name) and _LINK.fullmatch(said):
        yield {"url": said}
    elif isinstance(said, list):
        for each in said:
            yield from _found(reader, each, name)
        said[:] = [each for each in said if not (isinstance(each, str) and reader.is_image(each))]
    elif isinstance(said, dict):
        found = {name: [*_found(reader, each, name)] for name, each in said.items() if not _OTHERS.fullmatch(name)}
        texts = {name: entry for name, entries in found.items() if isinstance(said[name], str) for entry in entries}
        images = {name: entry for name, entry in texts.items() if "b64_json" in entry}
        for taken in images:
            del said[taken]
        plain = {name: each for name, each in said.items() if not isinstance(each, dict | list)}
        yield from (plain | entry for entry in [*images.values()] or [*texts.values()][:1])
        yield from (entry for name, entries in found.items() if name not in texts for entry in entries)
