"""A request as the page shows it: in few words, whatever it held."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, TypeVar, cast

from images_api._contract.operations import operation
from images_api._images.headers import read_facts

from . import _checking
from ._studio import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ._journal import ReceivedRequest
    from ._shelf import Shelf

_T = TypeVar("_T")
# In characters: of one text, and of all that a request says.
_LONGEST_TEXT = 4000
_LONGEST = 16_000
_DEEPEST = 6
# An item's line break, indentation and brackets.
_COST_OF_ITEM = 2 * _DEEPEST + 4
_MOST_IMAGES = 32


def summary(request: ReceivedRequest, shelf: Shelf, images: str) -> dict[str, object]:
    """Return what the page shows of a request.

    Args:
        request: The request, as far as it has come.
        shelf: The images that were made.
        images: Where the page finds images: those that were made under `made/`, those that came under `sent/`.

    Returns:
        Facts for JSON, of bounded size. Texts hold whatever the request did: they are data to whoever shows them.
    """
    excerpt = _Excerpt()
    about = request.parameters.get(_subject(request))
    return {
        "number": request.number,
        "method": request.method,
        "path": excerpt.text(request.path),
        "at": request.received_at.isoformat(),
        "operation": request.operation,
        "about": excerpt.text(about) if isinstance(about, str) else None,
        "parameters": [*excerpt.parameters(request.parameters)],
        "sent": [*_sent(request, excerpt, images)],
        "made": [*_made(request, shelf, images)],
        "made_in_all": len(request.images_made),
        "status": request.status,
        "error": request.error,
        "fault": request.fault,
        "seconds": request.seconds,
    }


def _subject(request: ReceivedRequest) -> str:
    kinds = operation(request.operation).bodies if request.operation else ()
    subjects = (_checking.rules(str(request.operation), kind).subject or "" for kind in kinds)
    return next((subject for subject in subjects if subject in request.parameters), "")


def _sent(request: ReceivedRequest, excerpt: _Excerpt, images: str) -> Iterator[dict[str, object]]:
    several = [(name, image) for name, given in request.images.items() for image in given]
    for index, (parameter, image) in enumerate(several[:_MOST_IMAGES]):
        yield {
            "url": f"{images}/sent/{request.number}/{index}",
            "parameter": parameter,
            "overlay": parameter if parameter in OVERLAYS else None,
            "name": excerpt.text(image.name),
            "type": image.type,
            "width": image.width,
            "height": image.height,
            "bytes": len(image.content),
        }


def _made(request: ReceivedRequest, shelf: Shelf, images: str) -> Iterator[dict[str, object]]:
    for name in request.images_made[:_MOST_IMAGES]:
        content = shelf.get(name)
        facts = read_facts(BytesIO(content)) if content else None
        yield {
            "url": f"{images}/made/{name}",
            "type": facts and facts.type,
            "width": facts and facts.width,
            "height": facts and facts.height,
            "bytes": facts and facts.size,
        }


class _Excerpt:
    """What a request says, cut where it grows long, however it is made."""

    def __init__(self) -> None:
        self._left = _LONGEST

    def parameters(self, parameters: Mapping[str, object]) -> Iterator[dict[str, object]]:
        """Yield each parameter with its value as a text; a value that is no text is given as JSON."""
        for name, value in parameters.items():
            if self._left <= 0:
                yield {"name": "…", "value": f"{len(parameters)} parameters in all", "json": True}
                return
            cut = self._cut(value, _DEEPEST)
            text = cut if isinstance(cut, str) else json.dumps(cut, ensure_ascii=False, indent=2)
            yield {"name": self.text(name), "value": text, "json": not isinstance(cut, str)}

    def text(self, text: str) -> str:
        """Return a text, or its beginning and its length."""
        most = max(0, min(_LONGEST_TEXT, self._left))
        self._left -= min(len(text), most) + 1
        return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"

    def _cut(self, value: object, depth: int) -> object:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._cut(each, depth - 1) for each in self._while_room(cast("list[object]", value), depth)]
        if isinstance(value, dict):
            entries = cast("dict[str, object]", value)
            return {self.text(name): self._cut(entries.get(name, name), depth - 1) for name in self._while_room(entries, depth)}
        self._left -= len(str(value))
        return value

    def _while_room(self, several: Iterable[_T], depth: int) -> Iterator[_T | str]:
        for each in several:
            if depth == 0 or self._left <= 0:
                yield "…"
                return
            self._left -= _COST_OF_ITEM
            yield each
