"""What a response says: the JSON of images, the events of a stream, and the models."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

from images_api._contract.document import at, types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._studio import Plan

_IMAGE, _IMAGES = "#/components/schemas/Image", "#/components/schemas/ImagesResponse"


def images_document(plan: Plan, entries: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Return the JSON of a response.

    Args:
        plan: What was asked.
        entries: What there is of each image, such as its base64 or its link.
    """
    data = [_nulls(_IMAGE) | {"revised_prompt": plan.revised_prompt} | dict(entry) for entry in entries]
    usage = {"usage": plan.usage} if plan.usage else {}
    return _nulls(_IMAGES) | {"created": int(time.time()), "data": data} | dict(plan.facts) | usage


def event(kind: str, content: bytes, plan: Plan, **more: object) -> bytes:
    """Return one event of a stream, as it is sent.

    Args:
        kind: Its type.
        content: Its image.
        plan: What was asked.
        **more: What else it says.
    """
    said = {"type": kind, "b64_json": base64.b64encode(content).decode(), "created_at": int(time.time())}
    return f"event: {kind}\ndata: {json.dumps({**said, **plan.facts, **more})}\n\n".encode()


def model_document(model: str) -> dict[str, object]:
    """Return what is said of a model."""
    return {"id": model, "object": "model", "created": 0, "owned_by": "sandbox"}


def _nulls(pointer: str) -> dict[str, object]:
    """Return null for all of a schema's properties that may be null: what isn't said otherwise."""
    return {name: None for name, schema in at(pointer)["properties"].items() if "null" in types(schema)}
