"""Create, edit and vary pictures with the Images API."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
else:  # a type checker has to see what isn't there

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES.get(name, "._errors"), __name__), name)
        globals()[name] = value
        return value


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

# Where what isn't an error stands. Nothing is imported before it is used: https://peps.python.org/pep-0562/
_MODULES = {
    "AsyncImageStream": "._streams",
    "AsyncImagesClient": "._client",
    "CompletedImage": "._events",
    "GeneratedImage": "._results",
    "HTTPInfo": "._results",
    "ImageInput": "._requests.uploads",
    "ImageStream": "._streams",
    "ImagesClient": "._client",
    "ImagesResult": "._results",
    "PartialImage": "._events",
    "StreamEvent": "._events",
    "TokenDetails": "._results",
    "Usage": "._results",
    "__version__": "images_api_client",
}


def __dir__() -> list[str]:
    return __all__
