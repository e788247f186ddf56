"""From what a server says, in JSON, to plain values: an image, the tokens used, a result of all."""

from __future__ import annotations

from dataclasses import fields as fields_of
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from images_api._images.base64 import BrokenImageError
from images_api._messages import short
from images_api._results import GeneratedImage, ImagesResult, TokenDetails, Usage
from images_api_client.models.images_response import ImagesResponse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from images_api._results import HTTPInfo, ImageSource
    from images_api._secrets.quoted import Secrets

    from .json import JSONReader

Value = TypeVar("Value")

# What the fields of a result may be, as they are annotated.
_KINDS: dict[Any, type] = {"int | None": int, "str | None": str, "Usage | None": Usage, "TokenDetails | None": TokenDetails}

ImagesResponse.from_dict({})  # imports what it needs while nothing is paid for yet


class Asked(NamedTuple):
    """What a call asked.

    Attributes:
        url: Where the request went, for the message of a 404.
        subject: What the images are about, for their file names.
        images: How many images were asked for.
        source: Fetches those that come as links.
        secrets: What must not be in an error, though the server quote it.
    """

    url: httpx.URL
    subject: str
    images: int
    source: ImageSource
    secrets: Secrets


def read_image(reader: JSONReader, entry: object, index: int, asked: Asked) -> GeneratedImage:
    """Return the image of one entry or event, and take its mark or its base64 out of it.

    Args:
        reader: What read the entry.
        entry: The JSON of it.
        index: Which of its response's images it is, from 0.
        asked: What the call asked.

    Raises:
        BrokenImageError: There is none, or it isn't whole.
    """
    if not isinstance(entry, dict):
        raise BrokenImageError(f"isn't an object: {short(entry)}")
    content = reader.image(entry.pop("b64_json", None))
    said: dict[str, Any] = reader.restored(entry)
    url = only(str, said.get("url")) or None
    if content is None and url is None:
        raise BrokenImageError("has neither b64_json nor url")
    return GeneratedImage(
        content,
        url=url,
        revised_prompt=only(str, said.get("revised_prompt")),
        extra={name: value for name, value in said.items() if name not in {"url", "revised_prompt"}},
        index=index,
        subject=asked.subject,
        source=asked.source,
    )


def make_result(
    images: Sequence[GeneratedImage], http: HTTPInfo, said: Mapping[str, Any], failures: Sequence[Exception], *, is_whole: bool
) -> ImagesResult:
    """Return a result.

    Args:
        images: Its images.
        http: The response's status and headers.
        said: What the server said of them all, in the response or in the stream's last event.
        failures: What it said of images that it could not make.
        is_whole: Whether that is a response of the API's own form, which the generated client has a model of.
    """
    known = read_fields(ImagesResult, said)
    known["created"] = known["created"] or only(int, said.get("created_at"))
    usage: Usage | None = known["usage"]
    if usage and http.cost is None:
        http = replace(http, cost=only(float, usage.extra.get("cost")) or only(int, usage.extra.get("cost")))
    parse = partial(ImagesResponse.from_dict, said) if is_whole else None
    return ImagesResult(tuple(images), http, **known, failures=tuple(failures), _parse=parse)


def read_fields(kind: type, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a server says for the fields of a class, whatever it left out, or filled with something of another kind."""
    return {each.name: _read(_KINDS[each.type], said.get(each.name)) for each in fields_of(kind) if each.type in _KINDS}


def only(kind: type[Value], value: object) -> Value | None:
    """Return None for what a server left out, or filled with something of another kind."""
    return value if isinstance(value, kind) and not (isinstance(value, bool) and kind is int) else None


def _read(kind: type, value: object) -> object:
    if kind in {int, str} or not isinstance(value, dict):
        return only(kind, value)
    known = read_fields(kind, value)
    return kind(**known, extra={name: each for name, each in value.items() if name not in known and each is not None})
