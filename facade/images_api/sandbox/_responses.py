"""What a response says: the JSON of images, the events of a stream, the models, and the refusals, in whichever dialect."""

from __future__ import annotations

import base64
import json
import time
from functools import cache
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import ZipFile

from starlette.responses import JSONResponse, Response

from images_api._contract.document import at
from images_api._images.headers import HEAD, media_type

from . import _templates
from ._checking import types

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ._dialects import Dialect
    from ._refusal import RefusedError
    from ._studio import Plan

_IMAGE, _IMAGES = "#/components/schemas/Image", "#/components/schemas/ImagesResponse"
_ZIP = "application/zip"
_SEED_BYTES = 4


class MadeImage(NamedTuple):
    """An image that was made.

    Attributes:
        name: Its name on the shelf.
        content: Its file.
        target: The path and query of the link to it.
        url: The link.
    """

    name: str
    content: bytes
    target: str
    url: str


def images_response(
    plan: Plan, images: Sequence[MadeImage], said: Mapping[str, Any], templates: Mapping[str, Any] | None
) -> Response:
    """Return a response with images.

    Args:
        plan: What was asked.
        images: What was made.
        said: What is known besides: `id`, `created`, `model`, `prompt`, `seconds`, and a `seed` that was asked for.
        templates: The dialect's own; None for the API's.
    """
    if templates is None:
        return JSONResponse(images_document(plan, (_own_entry(plan, each) for each in images)))
    if templates.get("raw"):
        return _raw(images)
    entries = [_entry(plan, image, index, said, templates) for index, image in enumerate(images)]
    values = {**_plan_values(plan), **said, "entries": entries, "count": len(entries)}
    body = _templates.filled(templates.get("body", {}), values)
    return JSONResponse(images_document(plan, entries) | body if templates.get("extends") else body)


def images_document(plan: Plan, entries: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """Return the JSON of a response in the API's own way.

    Args:
        plan: What was asked.
        entries: What there is of each image, such as its base64 or its link.
    """
    data = [{**_nulls(_IMAGE), "revised_prompt": plan.revised_prompt, **entry} for entry in entries]
    told = {**plan.facts, "usage": plan.usage} if plan.is_told else {}
    return {**_nulls(_IMAGES), "created": int(time.time()), "data": data, **told}


def stream_event(
    templates: Mapping[str, Any] | None, prefix: str, plan: Plan, image: MadeImage, *, index: int, said: Mapping[str, Any]
) -> bytes:
    """Return one event of a stream, as it is sent.

    Args:
        templates: The dialect's own; None for the API's.
        prefix: The first part of its name.
        plan: What was asked.
        image: Its image; without a link where it is unfinished.
        index: Which of the images it is, from 0.
        said: What is known besides: that of a response, and the `partial_image_index` of an unfinished image.
    """
    is_partial = "partial_image_index" in said
    kind = f"{prefix}.{'partial_image' if is_partial else 'completed'}"
    if templates is None:
        last = {"partial_image_index": said["partial_image_index"]} if is_partial else {"usage": plan.usage}
        content = {"type": kind, "b64_json": _base64(image.content), "created_at": said["created"], **plan.facts, **last}
        return f"event: {kind}\ndata: {json.dumps(content)}\n\n".encode()
    template = templates["partial" if is_partial else "completed"]
    values = {**_plan_values(plan), **_image_values(plan, image, index, template), **said}
    content = _templates.filled(template, {**values, "kind": kind, "count": len(plan.orders)})
    return f"data: {json.dumps(content)}\n\n".encode()


def model_document(model: str) -> dict[str, object]:
    """Return what is said of a model."""
    return {"id": model, "object": "model", "created": 0, "owned_by": "sandbox"}


def request_values(number: int) -> dict[str, Any]:
    """Return what a template may say in answer to any request.

    Args:
        number: Which of the sandbox's requests it is.
    """
    return {"id": f"sandbox-{number:06d}", "created": int(time.time())}


def refusal_response(dialect: Dialect, refusal: RefusedError, number: int) -> Response:
    """Return the response to a request that is turned down.

    Args:
        dialect: In whose words.
        refusal: Why.
        number: Which of the sandbox's requests it is.
    """
    template = dialect.refusal(refusal.code, refusal.topic)
    if template is None:
        return refusal.response()
    # What isn't the request's fault isn't said to be.
    is_own = refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    status: int = refusal.status if is_own else template.get("status", refusal.status)
    values = {**request_values(number), **refusal.body, "status": status, "phrase": HTTPStatus(status).phrase}
    body = _templates.filled(template["body"], values)
    headers = {**(refusal.headers or {}), **dialect.headers(values)}
    if kind := template.get("media_type"):
        return Response(str(body), status, headers, media_type=kind)
    return JSONResponse(body, status, headers)


def _entry(plan: Plan, image: MadeImage, index: int, said: Mapping[str, Any], templates: Mapping[str, Any]) -> Any:
    template = templates.get("entry", {})
    entry = _templates.filled(template, {**_image_values(plan, image, index, template), **said})
    return _own_entry(plan, image) | entry if templates.get("extends") else entry


def _own_entry(plan: Plan, image: MadeImage) -> dict[str, Any]:
    return {"url": image.url} if plan.as_url else {"b64_json": _base64(image.content)}


def _plan_values(plan: Plan) -> dict[str, Any]:
    facts = {name: plan.facts[name] for name in ("size", "quality", "background", "output_format")}
    counts = {name: plan.usage[name] for name in ("input_tokens", "output_tokens", "total_tokens")}
    return {**facts, **counts, **plan.usage["input_tokens_details"], "usage": plan.usage, "seed": _seed(plan, 0)}


def _seed(plan: Plan, index: int) -> int:
    return int.from_bytes(plan.orders[index].seed[:_SEED_BYTES])


def _image_values(plan: Plan, image: MadeImage, index: int, template: object) -> dict[str, Any]:
    kind = media_type(image.content[:HEAD]) or ""
    # Each copy of an image takes as much memory as a response that is sent.
    text = _base64(image.content) if _templates.names(template) & {"b64_json", "data_url"} else ""
    return {
        "index": index,
        "name": image.name,
        "size": plan.facts["size"],
        "media_type": kind,
        "output_format": plan.format.name,
        "seed": _seed(plan, index),
        "revised_prompt": plan.revised_prompt,
        "b64_json": text,
        "data_url": f"data:{kind};base64,{text}",
        "url": image.url,
        "target": image.target,
    }


def _raw(images: Sequence[MadeImage]) -> Response:
    """Return an image's own bytes, or those of several in an archive."""
    if len(images) == 1:
        return Response(images[0].content, media_type=media_type(images[0].content[:HEAD]))
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        for index, image in enumerate(images):
            file.writestr(f"image_{index}.{image.name.rpartition('.')[2]}", image.content)
    return Response(archive.getvalue(), media_type=_ZIP)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@cache
def _nulls(pointer: str) -> Mapping[str, object]:
    """Return null for all of a schema's properties that may be null: what isn't said otherwise."""
    return {name: None for name, schema in at(pointer)["properties"].items() if "null" in types(schema)}
