"""Create, edit and vary pictures with the Images API."""

import typing

from ._client import AsyncImagesClient, AsyncImageStream, ImagesClient, ImageStream
from ._errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentPolicyError,
    DownloadError,
    ImagesAPIError,
    InternalServerError,
    InvalidRequestError,
    NoImageError,
    NotFoundError,
    PermissionDeniedError,
    Problem,
    QuotaExceededError,
    RateLimitError,
    ResponseError,
    StreamInterruptedError,
    UnprocessableEntityError,
    UnreadableFileError,
)
from ._http import HTTPInfo
from ._results import GeneratedImage, ImagesResult, TokenDetails, Usage
from ._stream import CompletedImage, PartialImage, StreamEvent

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncImageStream",
    "AsyncImagesClient",
    "AuthenticationError",
    "BadRequestError",
    "CompletedImage",
    "ConflictError",
    "ContentPolicyError",
    "DownloadError",
    "GeneratedImage",
    "HTTPInfo",
    "ImageStream",
    "ImagesAPIError",
    "ImagesClient",
    "ImagesResult",
    "InternalServerError",
    "InvalidRequestError",
    "NoImageError",
    "NotFoundError",
    "PartialImage",
    "PermissionDeniedError",
    "Problem",
    "QuotaExceededError",
    "RateLimitError",
    "ResponseError",
    "StreamEvent",
    "StreamInterruptedError",
    "TokenDetails",
    "UnprocessableEntityError",
    "UnreadableFileError",
    "Usage",
    "__version__",
]

__version__: str

if not typing.TYPE_CHECKING:  # type checkers would take any name for one that is there

    def __getattr__(name: str) -> str:
        if name == "__version__":
            from images_api_client import __version__  # noqa: TID251  one version, loaded when it is asked for

            return __version__
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
