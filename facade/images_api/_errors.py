"""The error tree. Every error that the package raises on purpose is in it.

ImagesAPIError
├── InvalidRequestError (ValueError)
│   └── UnreadableFileError (OSError)
├── APIConnectionError
│   └── APITimeoutError
├── APIStatusError
│   ├── BadRequestError
│   │   └── ContentPolicyError
│   ├── AuthenticationError
│   ├── PermissionDeniedError
│   ├── NotFoundError
│   ├── ConflictError
│   ├── UnprocessableEntityError
│   ├── RateLimitError
│   │   └── QuotaExceededError
│   └── InternalServerError
├── ResponseError
│   ├── NoImageError
│   └── StreamInterruptedError
└── DownloadError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._messages import short
from ._problems import ImagesAPIError as ImagesAPIError  # noqa: PLC0414  the whole tree is had from here
from ._problems import InvalidRequestError as InvalidRequestError  # noqa: PLC0414  likewise
from ._problems import Problem as Problem  # noqa: PLC0414  likewise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._results import GeneratedImage, HTTPInfo

# The classes of those statuses that have one of their own; that of 500 is for all above it.
STATUS_ERRORS: dict[int, type[APIStatusError]] = {}
_SERVER_ERRORS = 500
_SERVICE_UNAVAILABLE = 503


class UnreadableFileError(InvalidRequestError, OSError):
    """A file that was to be uploaded is missing, can't be read, or has changed; what it raised is the `__cause__`.

    Where that shows while it is sent, the request is never whole, and can't be billed.
    """


class APIConnectionError(ImagesAPIError):
    """There was no whole answer.

    Attributes:
        may_have_run: Whether the server could have started work, and the call may have been billed.
        body: What came of an answer that broke off.
    """

    def __init__(self, message: str, *, may_have_run: bool, body: bytes = b"") -> None:
        self.may_have_run, self.body = may_have_run, body
        super().__init__(message)


class APITimeoutError(APIConnectionError):
    """The answer, or a part of it, took longer than the timeout."""


class APIStatusError(ImagesAPIError):
    """The server answered with a status that isn't a success.

    Attributes:
        status_code: The status, any integer; of an error that came after a success, the one that its code stands for.
        code: The server's short name for the fault, if it gave one.
        param: The parameter that the server complains of, if it named one.
        type: The server's kind of error, if it gave one.
        request_id: The id to quote to the provider's support, if there is one.
        body: The body: the error object of it, all of its JSON, or its text.
        headers: The headers of the response.
        http: Status, headers, request id, rate limits and elapsed time together.
        may_have_run: Whether the server could have started work, and the call may have been billed.
        images: The images that came before, where the error came as an event.
    """

    images: tuple[GeneratedImage, ...] = ()

    def __init_subclass__(cls, status: int | None = None) -> None:
        super().__init_subclass__()
        STATUS_ERRORS.update({status: cls} if status else {})

    def __init__(self, message: str, *, http: HTTPInfo, body: object) -> None:
        self.http, self.body = http, body
        comes_back = http.status_code == _SERVICE_UNAVAILABLE and http.retry_after is not None
        # A server that points elsewhere for the outcome has begun; one that timed out, or has the same request twice, may have.
        self.may_have_run = (http.status_code >= _SERVER_ERRORS and not comes_back) or http.status_code in {303, 408, 409}
        detail: dict[str, Any] = body if isinstance(body, dict) else {}
        named = (detail.get(name) for name in ("code", "param", "type"))
        self.code, self.param, self.type = (each if isinstance(each, str | None) else short(each) for each in named)
        self.status_code, self.headers, self.request_id = http.status_code, http.headers, http.request_id
        super().__init__(message)


class BadRequestError(APIStatusError, status=400):
    """400: the server doesn't accept the request."""


class ContentPolicyError(BadRequestError):
    """The provider's content policy forbids the prompt or the image; sending it again doesn't help.

    Attributes:
        moderation_details: What the provider says of its reasons, in its own form, or None.
    """

    moderation_details: Any = None


class AuthenticationError(APIStatusError, status=401):
    """401: the key is missing or wrong."""


class PermissionDeniedError(APIStatusError, status=403):
    """403: the key may not do this."""


class NotFoundError(APIStatusError, status=404):
    """404: no such path or model; often a base URL without its `/v1`."""


class ConflictError(APIStatusError, status=409):
    """409: the request collides with another."""


class UnprocessableEntityError(APIStatusError, status=422):
    """422: the server understands the request but can't carry it out."""


class RateLimitError(APIStatusError, status=429):
    """429: too many requests, or too many images, in a time.

    Attributes:
        retry_after: The seconds to wait, as the server says, or None.
    """

    @property
    def retry_after(self) -> float | None:
        """Return the seconds to wait, as the server says, or None."""
        return self.http.retry_after


class QuotaExceededError(RateLimitError):
    """The account's budget is used up; waiting doesn't help."""


class InternalServerError(APIStatusError, status=_SERVER_ERRORS):
    """500 and above: the server, or a gateway before it, failed."""


class ResponseError(ImagesAPIError):
    """A successful response can't be understood. It may be paid for, so nothing of it is thrown away.

    Attributes:
        body: The body, or the event, as it came, in bytes; of one that is too large, nothing.
        images: The images of the response that were good.
        http: Status, headers, request id, rate limits and elapsed time.
    """

    def __init__(self, message: str, *, body: bytes, http: HTTPInfo | None = None, images: Sequence[GeneratedImage] = ()) -> None:
        self.body, self.http, self.images = body, http, tuple(images)
        super().__init__(message)


class NoImageError(ResponseError):
    """A successful response holds no image at all."""


class StreamInterruptedError(ResponseError):
    """A stream ended before the finished image.

    Attributes:
        partial_images: The unfinished images that came before.
    """

    def __init__(self, message: str, *, partial_images: Sequence[GeneratedImage] = (), **response: Any) -> None:
        self.partial_images = tuple(partial_images)
        super().__init__(message, **response)


class DownloadError(ImagesAPIError):
    """An image's URL could not be read. The request that made the image is never sent again for it.

    Attributes:
        url: The URL without its query, which may hold a signature.
        status_code: The status of the download, if there was an answer.
    """

    def __init__(self, message: str, *, url: str, status_code: int | None = None) -> None:
        self.url, self.status_code = url, status_code
        super().__init__(message)
