"""From a successful response's body to its images, and to what the server says of them."""

from __future__ import annotations

import json
from dataclasses import fields as fields_of
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from images_api._errors import APIStatusError, ContentPolicyError, NoImageError, ResponseError
from images_api._images.base64 import BrokenImageError, check_image
from images_api._images.spool import Content
from images_api._messages import short
from images_api._results import GeneratedImage, ImagesResult, TokenDetails, Usage
from images_api_client.models.images_response import ImagesResponse

from .body import content_type, is_archive
from .entries import entries_of
from .failures import Fault, excerpt, says_failure, status_error
from .json import JSONReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from images_api._results import HTTPInfo, ImageSource
    from images_api._secrets.quoted import Secrets

    from .body import Body

Value = TypeVar("Value")

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


def read_result(http: HTTPInfo, body: Body, asked: Asked) -> ImagesResult:
    """Return what a successful response holds, where it is no stream.

    Args:
        http: The response's status and headers.
        body: The whole body.
        asked: What the call asked.

    Raises:
        ContentPolicyError: The provider refuses each image.
        APIStatusError: The server says of each image why there is none.
        NoImageError: There is no image in it.
        ResponseError: It can't be understood, or an image in it is broken.
    """
    images: list[GeneratedImage | BrokenImageError | APIStatusError]
    said: dict[str, Any] = {}
    if isinstance(body.form, Content):
        from .archive import unpacked

        contents = unpacked(body.form, body.largest) if is_archive(body.form) else [body.form]
        images = [_checked(content, index, asked) for index, content in enumerate(contents)]
    else:
        reader = cast("JSONReader", body.form)
        try:
            document = reader.document()
        except ValueError as error:
            raw, kind = body.read(), short(content_type(http.headers)) or "no content type"
            message = f"the response ({http.status_code}, {kind}) isn't JSON: {excerpt(raw)}"
            raise ResponseError(message, body=raw, http=http, images=whole_images(reader, asked)) from error
        entries = entries_of(reader, document)
        images = [read_image(reader, entry, index, http, asked) for index, entry in enumerate(entries)]
        said = reader.restored(document) if isinstance(document, dict) else {"data": document}
    good = [image for image in images if isinstance(image, GeneratedImage)]
    faults = [(number, image) for number, image in enumerate(images, 1) if isinstance(image, BrokenImageError)]
    failures = [image for image in images if isinstance(image, APIStatusError)]
    if not good:
        refusal = status_error(http, body.read(), asked.url, asked.secrets)
        if failures or isinstance(refusal, ContentPolicyError):
            raise failures[0] if failures else refusal
    if faults:
        text = "; ".join(f"image {number} of {len(images)} {fault}" for number, fault in faults)
        raise ResponseError(short(text), body=body.read(), http=http, images=good) from faults[0][1]
    if not good:
        raw = body.read()
        message = f"the response holds no image: {Fault(said).text() or excerpt(raw)}"
        raise NoImageError(message, body=raw, http=http, images=whole_images(body.form, asked))
    return make_result(good, http, said, partial(ImagesResponse.from_dict, said) if said else None, failures)


def whole_images(reader: object, asked: Asked) -> list[GeneratedImage]:
    """Return the images that came whole in what can't be understood."""
    contents = reader.whole_images() if isinstance(reader, JSONReader) else []
    return [GeneratedImage(each, subject=asked.subject, index=index) for index, each in enumerate(contents)]


def _checked(content: Content | BrokenImageError, index: int, asked: Asked) -> GeneratedImage | BrokenImageError:
    if isinstance(content, BrokenImageError):
        return content
    try:
        check_image(content)
    except BrokenImageError as error:
        return error
    return GeneratedImage(content, subject=asked.subject, index=index)


def make_result(
    images: Sequence[GeneratedImage],
    http: HTTPInfo,
    said: Mapping[str, Any],
    parse: Callable[[], Any] | None = None,
    failures: Sequence[APIStatusError] = (),
) -> ImagesResult:
    """Return a result.

    Args:
        images: Its images.
        http: The response's status and headers.
        said: What the server said of them all, in the response or in the stream's last event.
        parse: Makes the generated client's model of it.
        failures: What it said of images that it could not make.
    """
    texts = {name: only(str, said.get(name)) for name in _text_fields()}
    created = only(int, said.get("created")) or only(int, said.get("created_at"))
    usage = read_usage(said.get("usage"))
    if usage and http.cost is None:
        http = replace(http, cost=only(float, usage.extra.get("cost")) or only(int, usage.extra.get("cost")))
    return ImagesResult(tuple(images), http, created=created, usage=usage, **texts, failures=tuple(failures), _parse=parse)


def read_image(
    reader: JSONReader, entry: object, index: int, http: HTTPInfo, asked: Asked
) -> GeneratedImage | BrokenImageError | APIStatusError:
    """Return the image of one entry or event, and take its mark or its base64 out of it.

    Args:
        reader: What read the entry.
        entry: The JSON of it.
        index: Which of its response's images it is, from 0.
        http: The response's status and headers.
        asked: What the call asked.

    Returns:
        The image, or what is wrong with it: in its bytes, or in the server's words.
    """
    if not isinstance(entry, dict):
        return BrokenImageError(f"isn't an object: {short(entry)}")
    text = entry.pop("b64_json", None)
    entry = dict(reader.restored(entry))
    url = only(str, entry.get("url"))
    content, fault = _content(reader, text)
    if fault or (content is None and not url):
        if says_failure(entry):
            return status_error(http, json.dumps(entry).encode(), asked.url, asked.secrets)
        return fault or BrokenImageError("has neither b64_json nor url")
    return GeneratedImage(
        content,
        url=url or None,
        revised_prompt=only(str, entry.get("revised_prompt")),
        extra={name: value for name, value in entry.items() if name not in {"url", "revised_prompt"}},
        index=index,
        subject=asked.subject,
        source=asked.source,
    )


def _content(reader: JSONReader, text: object) -> tuple[Content | None, BrokenImageError | None]:
    if not isinstance(text, str | None):
        return None, BrokenImageError(f"has a {type(text).__name__} for b64_json")
    try:
        return reader.image(text) if text else None, None
    except BrokenImageError as error:
        return None, error


def read_usage(given: object) -> Usage | None:
    """Return the tokens that a server says were used, whatever it left out; None where it says nothing."""
    if not isinstance(given, dict):
        return None
    said: dict[str, Any] = {name: only(int, given.get(name)) for name in ("input_tokens", "output_tokens", "total_tokens")}
    said |= {name: _details(given.get(name)) for name in ("input_tokens_details", "output_tokens_details")}
    return Usage(**said, extra={name: value for name, value in given.items() if name not in said and value is not None})


def only(kind: type[Value], value: object) -> Value | None:
    """Return None for what a server left out, or filled with something of another kind."""
    return value if isinstance(value, kind) and not (isinstance(value, bool) and kind is int) else None


@cache
def _text_fields() -> tuple[str, ...]:
    """Return the names of what a result says in the server's words."""
    return tuple(field.name for field in fields_of(ImagesResult) if field.type == "str | None")


def _details(given: object) -> TokenDetails | None:
    if not isinstance(given, dict):
        return None
    said = {name: only(int, given.get(name)) for name in ("text_tokens", "image_tokens")}
    return TokenDetails(**said, extra={name: value for name, value in given.items() if name not in said and value is not None})
