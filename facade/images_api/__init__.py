"""Create, edit and vary images with the Images API."""

from importlib import import_module

# Nothing is imported before it is used: https://peps.python.org/pep-0562/. `__init__.pyi` tells type checkers the same.
_NAMES = {
    "_client": "AsyncImagesClient ImagesClient",
    "_errors": """
        APIConnectionError APIStatusError APITimeoutError AuthenticationError BadRequestError ConflictError ContentPolicyError
        DownloadError ImagesAPIError InternalServerError InvalidRequestError NoImageError NotFoundError PermissionDeniedError
        Problem QuotaExceededError RateLimitError ResponseError StreamInterruptedError UnprocessableEntityError
        UnreadableFileError
    """,
    "_events": "CompletedImage PartialImage StreamEvent",
    "_requests.uploads": "ImageInput",
    "_results": "GeneratedImage HTTPInfo ImagesResult TokenDetails Usage",
    "_streams": "AsyncImageStream ImageStream",
}
_MODULES = {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names.split()}
_MODULES["__version__"] = f"{__name__}_client"
__all__ = sorted(_MODULES)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]  the other file says it for them


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, getattr(import_module(_MODULES[name]), name))


def __dir__() -> list[str]:
    return __all__
