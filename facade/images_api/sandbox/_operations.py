"""The operations that the sandbox answers: all in the contract that have a body and answer images."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from images_api._contract.document import at, document, event_models, merged
from images_api._contract.operations import operation

if TYPE_CHECKING:
    from images_api._contract.document import Schema
    from images_api._contract.operations import Operation

_IMAGES, _MODELS = "#/components/schemas/ImagesResponse", "#/components/schemas/ImageModel"


class Endpoint(NamedTuple):
    """An operation, and the method and the path that it is asked with."""

    method: str
    path: str
    operation: Operation

    def event_prefix(self, *, has_images: bool) -> str:
        """Return the first part of the names of a stream's events.

        Args:
            has_images: Whether the request has images, which tells where the contract has no events of this very operation.
        """
        # The contract names the events of /images/edits after the path: image_edit.
        own = re.sub(r"s\b", "", self.path.strip("/")).replace("/", "_")
        if own in {name.partition(".")[0] for name in event_models()}:
            return own
        return "image_edit" if has_images else "image_generation"


def endpoints() -> list[Endpoint]:
    """Return the operations, in the contract's order."""
    return [
        Endpoint(method.upper(), path, operation(definition["operationId"]))
        for path, item in document()["paths"].items()
        for method, definition in item.items()
        if isinstance(definition, dict) and "requestBody" in definition and _answers_images(definition)
    ]


@cache
def models() -> tuple[str, ...]:
    """Return the ids of the models that the contract lists."""
    return tuple(at(_MODELS)["enum"])


def _answers_images(definition: Schema) -> bool:
    content = merged(definition["responses"].get("200", {})).get("content", {})
    return bool(content.get("application/json", {}).get("schema", {}).get("$ref") == _IMAGES)
