"""From a successful response's body to its images, and to what the server says of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields as fields_of
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from images_api._errors import NoImageError, ResponseError
from images_api._images.base64 import BrokenImageError, check_image
from images_api._images.spool import Content, Spool
from images_api._messages import short
from images_api._results import GeneratedImage, ImagesResult, TokenDetails, Usage
from images_api_client.models.images_response import ImagesResponse

from .failures import error_text, excerpt
from .json import JSONReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from images_api._results import HTTPInfo, ImageSource
    from images_api._secrets.quoted import Secrets

Value = TypeVar("Value")

ImagesResponse.from_dict({})  # imports what it needs while nothing is paid for yet
# Where a response has its images: in the entries of its list `data`.
_IN_RESPONSE = [None, b"data", None]


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


def empty_body(headers: httpx.Headers) -> Content | JSONReader:
    """Return what takes a response's body as it arrives: an image's bytes, or else what is taken for JSON with images in it."""
    return Spool().new() if content_type(headers).startswith("image/") else JSONReader(_IN_RESPONSE, Spool())


def content_type(headers: httpx.Headers) -> str:
    """Return a response's media type, without its parameters."""
    return str(headers.get("content-type", "")).partition(";")[0].strip().lower()


def is_whole(body: Content | JSONReader) -> bool:
    """Tell whether all that matters came, though the response was cut."""
    with suppress(ValueError):
        check_image(body) if isinstance(body, Content) else body.document()
        return True
    return False


def read_result(http: HTTPInfo, body: Content | JSONReader, asked: Asked) -> ImagesResult:
    """Return what a successful response holds.

    Args:
        http: The response's status and headers.
        body: The whole body.
        asked: What the call asked.

    Raises:
        NoImageError: There is no image in it.
        ResponseError: It can't be understood, or an image in it is broken.
    """
    if isinstance(body, Content):
        try:
            check_image(body)
        except BrokenImageError as error:
            raise ResponseError(f"the image in the response {error}", body=body.read(), http=http) from error
        return ImagesResult((GeneratedImage(body, subject=asked.subject),), http)
    try:
        document = body.document()
    except ValueError as error:
        raw, kind = body.read(), short(content_type(http.headers)) or "no content type"
        message = f"the response ({http.status_code}, {kind}) isn't JSON: {excerpt(raw)}"
        good = [GeneratedImage(each, subject=asked.subject, index=index) for index, each in enumerate(body.whole_images())]
        raise ResponseError(message, body=raw, http=http, images=good) from error
    entries = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(entries, list | None):
        raw = body.read()
        raise ResponseError(f"the response is JSON of an unknown form: {excerpt(raw)}", body=raw, http=http)
    if not entries:
        said = error_text(document)
        raise NoImageError(f"the response holds no image{said and f': {said}'}", body=body.read(), http=http)
    images = [read_image(body, entry, index, asked) for index, entry in enumerate(entries)]
    good = [image for image in images if isinstance(image, GeneratedImage)]
    faults = [(number, image) for number, image in enumerate(images, 1) if isinstance(image, BrokenImageError)]
    if faults:
        text = "; ".join(f"image {number} of {len(images)} {fault}" for number, fault in faults)
        raise ResponseError(short(text), body=body.read(), http=http, images=good) from faults[0][1]
    return make_result(good, http, document, partial(ImagesResponse.from_dict, document))


def make_result(
    images: Sequence[GeneratedImage], http: HTTPInfo, said: Mapping[str, Any], parse: Callable[[], Any] | None = None
) -> ImagesResult:
    """Return a result.

    Args:
        images: Its images.
        http: The response's status and headers.
        said: What the server said of them all, in the response or in the stream's last event.
        parse: Makes the generated client's model of it.
    """
    texts = {name: only(str, said.get(name)) for name in _text_fields()}
    created = only(int, said.get("created")) or only(int, said.get("created_at"))
    return ImagesResult(tuple(images), http, created=created, usage=read_usage(said.get("usage")), **texts, _parse=parse)


def read_image(reader: JSONReader, entry: object, index: int, asked: Asked) -> GeneratedImage | BrokenImageError:
    """Return the image of one entry or event, and take its mark or its base64 out of it.

    Args:
        reader: What read the entry.
        entry: The JSON of it.
        index: Which of its response's images it is, from 0.
        asked: What the call asked.

    Returns:
        The image, or what is wrong with it.
    """
    if not isinstance(entry, dict):
        return BrokenImageError(f"isn't an object: {short(entry)}")
    text, url = entry.pop("b64_json", None), only(str, entry.get("url"))
    if text is not None and not isinstance(text, str):
        return BrokenImageError(f"has a {type(text).__name__} for b64_json")
    try:
        content = reader.image(text) if text else None
    except BrokenImageError as error:
        return error
    if content is None and not url:
        return BrokenImageError("has neither b64_json nor url")
    return GeneratedImage(
        content,
        url=url or None,
        revised_prompt=only(str, entry.get("revised_prompt")),
        extra={name: value for name, value in entry.items() if name not in {"url", "revised_prompt"}},
        index=index,
        subject=asked.subject,
        source=asked.source,
    )


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
    return TokenDetails(**{name: only(int, given.get(name)) for name in ("text_tokens", "image_tokens")})
