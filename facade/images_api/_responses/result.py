"""From a reply's status, headers and body to a result, or to the error to raise.

This module and `_requests.py` are the only ones that touch the generated client.
"""

from __future__ import annotations

import re
from functools import partial
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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from images_api._http.downloads import Downloader
    from images_api._http.info import HTTPInfo

_STATUS_ERRORS = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
# Failures before the first byte of the request went out.
_NEVER_STARTED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_SERVER_ERRORS = 500
ImagesResponse.from_dict({})  # imports what it needs while nothing is paid for yet
# Where a reply has its pictures: in the entries of its list `data`.
_IN_REPLY = [None, b"data", None]
_PIECE = 1 << 16
# What is shorter is a word that stands for a key at a server that wants none.
_SHORTEST_SECRET = 8
# An error that comes as an event has no status of its own; these codes and types stand for one.
_CODE_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "api_error": 500,
}
# The names by which OpenAI, Azure and gateways call a refusal of the content, and an account without budget.
_POLICY_CODES = frozenset(
    {
        "moderation_blocked",
        "content_policy_violation",
        "content_filter",
        "contentfilter",
        "content_safety_violation",
        "responsibleaipolicyviolation",
    }
)
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded"})


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
        http: The reply's status and headers.
        content: The whole body, as it was read.
        subject: What the pictures are about, for their file names.
        downloader: Fetches the pictures that come as links.

    Raises:
        NoImageError: There is no picture in it.
        ResponseError: It can't be understood, or a picture in it is broken.
    """
    if isinstance(content, Content):
        try:
            check_image(content)
        except BrokenImageError as error:
            raise ResponseError(f"the picture in the reply {error}", body=content.read(), http=http) from error
        return ImagesResult((GeneratedImage(content, subject=subject),), http)
    try:
        document = content.document()
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
        text = "; ".join(f"picture {place} of {len(images)} {fault}" for place, fault in faults)
        raise ResponseError(_short(text), body=content.read(), http=http, images=good) from faults[0][1]
    return ImagesResult(
        images=tuple(good),
        http=http,
        created=only(int, document.get("created")),
        usage=read_usage(document.get("usage")),
        background=only(str, document.get("background")),
        output_format=only(str, document.get("output_format")),
        size=only(str, document.get("size")),
        quality=only(str, document.get("quality")),
        _parse=partial(ImagesResponse.from_dict, document),
    )


def read_picture(
    reader: JSONReader, entry: object, place: int, subject: str, downloader: Downloader
) -> GeneratedImage | BrokenImageError:
    """Return the picture of one entry or event, and take its mark or its base64 out of it.

    Args:
        reader: What read the entry.
        entry: The JSON of it.
        place: Which of its reply's pictures it is, from 0.
        subject: What the picture is about, for its file name.
        downloader: Fetches it if it comes as a link.

    Returns:
        The picture, or what is wrong with it.
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
        index=place,
        subject=subject,
        downloader=downloader,
    )


def status_error(http: HTTPInfo, body: bytes, url: httpx.URL, secrets: Iterable[str] = ()) -> APIStatusError:
    """Return the error that stands for a status, or for an error that came as an event after a success.

    Args:
        http: The reply's status and headers.
        body: The whole body, or the event's data, of any kind.
        url: Where the request went, for the message of a 404.
        secrets: What must not be in the error, though the server quote it.
    """
    body = without_secrets(body.decode(errors="surrogateescape"), secrets).encode(errors="surrogateescape")
    try:
        document: object = decode_json(body)
    except ValueError:
        document = body.decode(errors="replace")
    detail = (document.get("error") or document) if isinstance(document, dict) else document
    fields = detail if isinstance(detail, dict) else {}
    codes = [str(fields.get("code")).lower(), _inner_code(fields), str(fields.get("type")).lower()]
    status = http.status_code
    if http.is_success:
        status = next((_CODE_STATUSES[code] for code in codes if code in _CODE_STATUSES), status)
    kind: type[APIStatusError] = _STATUS_ERRORS.get(status, APIStatusError)
    if not _POLICY_CODES.isdisjoint(codes):
        kind = ContentPolicyError
    elif status >= _SERVER_ERRORS:
        kind = InternalServerError
    elif kind is RateLimitError and not _QUOTA_CODES.isdisjoint(codes):
        kind = QuotaExceededError
    text = _error_text(document) if isinstance(document, dict) else _excerpt(body)
    code = fields.get("code")
    message = f"{http.status_code}{f' {_short(str(code))}' if code else ''}: {text or 'no message'}"
    if kind is NotFoundError:
        message += f" (POST {url.copy_with(userinfo=b'', query=None)}; does the base URL lack its /v1?)"
    if http.request_id:
        message += f" (request {_short(http.request_id)})"
    return kind(message, http=http, body=detail)


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a server's words without the key, which some servers quote in a refusal."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "…")
    return text


def connection_error(error: httpx.HTTPError, elapsed: float, body: bytes = b"") -> APIConnectionError:
    """Return the error that stands for an answer that didn't come, or not whole.

    Args:
        error: What httpx raised.
        elapsed: The seconds since the request was begun.
        body: What came of the answer.
    """
    started = not isinstance(error, _NEVER_STARTED)
    billed = " The server may have begun, and may bill the call." if started else ""
    what = f"{type(error).__name__}: {_short(str(error))}" if str(error) else type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        text = f"no answer within the timeout ({what}, after {elapsed:.1f} s).{billed} Pass timeout= to wait longer."
        return APITimeoutError(text, may_have_run=started, body=body)
    text = f"no whole answer ({what}, after {elapsed:.1f} s).{billed}"
    return APIConnectionError(text, may_have_run=started, body=body)


def _content_type(headers: httpx.Headers) -> str:
    return str(headers.get("content-type", "")).partition(";")[0].strip().lower()


def _inner_code(fields: dict[str, Any]) -> str:
    # Azure tells a content refusal from other bad requests one level deeper.
    inner = fields.get("innererror") or fields.get("inner_error")
    return str(inner.get("code")).lower() if isinstance(inner, dict) else ""


def _error_text(document: dict[str, Any]) -> str:
    """Return the message of an error body: OpenAI's envelope, a bare text, or what FastAPI and others send."""
    error = document.get("error")
    for found in (
        error.get("message") if isinstance(error, dict) else error,
        document.get("message"),
        document.get("detail"),
        document.get("error_msg"),
    ):
        if isinstance(found, list):
            parts = [each.get("msg", each) if isinstance(each, dict) else each for each in found]
            return _short("; ".join(map(str, parts)))
        if found:
            return _short(str(found))
    return ""


def _excerpt(body: bytes) -> str:
    """Return the beginning of a foreign body, of an HTML page its title."""
    text = body[: 64 * FOREIGN_TEXT_LIMIT].decode(errors="replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return _short(title[1] if title else text) or "an empty body"


def _short(text: str) -> str:
    text = masked(" ".join(text.split()))  # servers quote the key that they refuse
    return text if len(text) <= FOREIGN_TEXT_LIMIT else text[:FOREIGN_TEXT_LIMIT] + "…"


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


def _details(given: object) -> TokenDetails | None:
    if not isinstance(given, dict):
        return None
    return TokenDetails(only(int, given.get("text_tokens")), only(int, given.get("image_tokens")))


def only(kind: type[Value], value: object) -> Value | None:
    """Return None for what a server left out, or filled with something of another kind."""
    return value if isinstance(value, kind) and not (isinstance(value, bool) and kind is int) else None
