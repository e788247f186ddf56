"""From a successful response's body to its images, and to what the server says of them."""

from __future__ import annotations

from dataclasses import fields as fields_of
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from images_api._errors import (
    FOREIGN_TEXT_LIMIT,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentPolicyError,
    InternalServerError,
    NoImageError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    UnprocessableEntityError,
    masked,
)
from images_api._images.base64 import BrokenImageError, check_image
from images_api._images.spool import Content, Spool
from images_api._results import GeneratedImage, ImagesResult, TokenDetails, Usage
from images_api_client.models.images_response import ImagesResponse

from .json import JSONReader, decode_json

Value = TypeVar("Value")

ImagesResponse.from_dict({})  # imports what it needs while nothing is paid for yet
# Where a response has its images: in the entries of its list `data`.
_IN_RESPONSE = [None, b"data", None]


class Body:
    """The body of a reply as it arrives: a picture, or JSON with pictures in it. Anything else is taken for JSON.

    Attributes:
        content: What came, without its content coding.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._spool = Spool()
        self._coded = Spool().new() if "content-encoding" in response.headers else None
        self.content = self._empty()

    def write(self, chunk: bytes) -> None:
        """Take the next piece, as it was sent."""
        (self.content if self._coded is None else self._coded).write(chunk)

    def close(self) -> None:
        """Say that nothing more comes."""
        if self._coded is not None:
            self._coded.close()
            self._decode(self._coded)
        self.content.close()

    def read(self) -> bytes:
        """Return what came, without its content coding."""
        return self.content.read()

    def is_whole(self) -> bool:
        """Tell whether all that matters came, though the reply was cut."""
        try:
            if isinstance(self.content, Content):
                check_image(self.content)
            else:
                self.content.document()
        except ValueError:
            return False
        return True

    def _empty(self) -> Content | JSONReader:
        is_image = _content_type(self._response.headers).startswith("image/")
        return self._spool.new() if is_image else JSONReader(_IN_REPLY, self._spool)

    def _decode(self, coded: Content) -> None:
        """Take off the content coding, which was not asked for; or leave it, where it isn't what the header says."""
        with coded.open() as file:
            pieces = iter(partial(file.read, _PIECE), b"")
            response = httpx.Response(self._response.status_code, headers=self._response.headers, content=pieces)
            try:
                for piece in response.iter_bytes():
                    self.content.write(piece)
            except httpx.DecodingError:
                self.content = self._empty()
                file.seek(0)
                for piece in iter(partial(file.read, _PIECE), b""):
                    self.content.write(piece)


def read_result(http: HTTPInfo, content: Content | JSONReader, subject: str, downloader: Downloader) -> ImagesResult:
    """Return what a successful reply holds.

    Args:
        http: The response's status and headers.
        body: The whole body.
        subject: What the images are about, for their file names.
        source: Fetches the images that come as links.

    Raises:
        NoImageError: There is no image in it.
        ResponseError: It can't be understood, or an image in it is broken.
    """
    if isinstance(content, Content):
        try:
            check_image(content)
        except BrokenImageError as error:
            raise ResponseError(f"the picture in the reply {error}", body=content.read(), http=http) from error
        return ImagesResult((GeneratedImage(content, subject=subject),), http)
    try:
        document = body.document()
    except ValueError as error:
        raw, content_type = content.read(), _short(_content_type(http.headers)) or "no content type"
        message = f"the reply ({http.status_code}, {content_type}) isn't JSON: {_excerpt(raw)}"
        good = [GeneratedImage(each, subject=subject, index=place) for place, each in enumerate(content.whole_images())]
        raise ResponseError(message, body=raw, http=http, images=good) from error
    pictures = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(pictures, list | None):
        raw = content.read()
        raise ResponseError(f"the reply is JSON of an unknown form: {_excerpt(raw)}", body=raw, http=http)
    if not pictures:
        said = _error_text(document)
        raise NoImageError(f"the reply holds no picture{said and f': {said}'}", body=content.read(), http=http)
    images = [read_picture(content, entry, place, subject, downloader) for place, entry in enumerate(pictures)]
    return _result(http, content, document, images)


def _result(
    http: HTTPInfo, content: Content | JSONReader, document: dict[str, Any], images: list[GeneratedImage | BrokenImageError]
) -> ImagesResult:
    good = [image for image in images if isinstance(image, GeneratedImage)]
    faults = [(place, image) for place, image in enumerate(images, 1) if isinstance(image, BrokenImageError)]
    if faults:
        text = "; ".join(f"image {number} of {len(images)} {fault}" for number, fault in faults)
        raise ResponseError(short(text), body=body.read(), http=http, images=good) from faults[0][1]
    return make_result(good, http, document, partial(ImagesResponse.from_dict, document))


def read_picture(
    reader: JSONReader, entry: object, place: int, subject: str, downloader: Downloader
) -> GeneratedImage | BrokenImageError:
    """Return the picture of one entry or event, and take its mark or its base64 out of it.

    Args:
        reader: What read the entry.
        entry: The JSON of it.
        index: Which of its response's images it is, from 0.
        subject: What the image is about, for its file name.
        source: Fetches it if it comes as a link.

    Returns:
        The image, or what is wrong with it.
    """
    if not isinstance(entry, dict):
        return BrokenImageError(f"isn't an object: {entry!r}"[:FOREIGN_TEXT_LIMIT])
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
        subject=subject,
        source=source,
    )


def read_usage(given: object) -> Usage | None:
    """Return the tokens that a server says were used, whatever it left out; None where it says nothing."""
    if not isinstance(given, dict):
        return None
    return Usage(
        input_tokens=only(int, given.get("input_tokens")),
        output_tokens=only(int, given.get("output_tokens")),
        total_tokens=only(int, given.get("total_tokens")),
        input_tokens_details=_details(given.get("input_tokens_details")),
        output_tokens_details=_details(given.get("output_tokens_details")),
        extra={name: value for name, value in given.items() if name not in Usage.__slots__ and value is not None},
    )


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
    return TokenDetails(only(int, given.get("text_tokens")), only(int, given.get("image_tokens")))
