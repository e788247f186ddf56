# The names that an app sees, for type checkers; `__init__.py` finds them when they are used.

from ._client import AsyncImagesClient, ImagesClient
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
from ._events import CompletedImage, PartialImage, StreamEvent
from ._requests.uploads import ImageInput
from ._results import GeneratedImage, HTTPInfo, ImagesResult, TokenDetails, Usage
from ._streams import AsyncImageStream, ImageStream

__version__: str

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
    "ImageInput",
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
