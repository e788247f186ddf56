"""From a call's arguments to a checked request that is ready to be sent, and sent again. Nothing here does network I/O.

This module and `_replies.py` are the only ones that touch the generated client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypedDict, cast

import httpx

from images_api._contract.rules import request_contract, retired
from images_api._errors import InvalidRequestError, Problem
from images_api._settings import SECRET_HEADERS, checked_retries, checked_timeout
from images_api._messages import warn_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from images_api_client import Client
    from images_api_client.options import CreateImageEditOptions, CreateImageOptions, CreateImageVariationOptions
    from images_api_client.types import File

    from images_api._settings import Settings, TimeoutTypes
    from .uploads import ImageInput, Upload

    class CallOptions(TypedDict, total=False):
        """What every call takes beside the operation's own options."""

        extra_body: Mapping[str, object]
        """Fields that the contract doesn't know, sent as they are."""

        extra_headers: Mapping[str, str | None]
        """Headers for this call; None leaves out one that the client would send."""

        extra_query: Mapping[str, Any]
        """Query parameters for this call."""

        timeout: TimeoutTypes
        """Seconds, above 0, for each read and write, or an `httpx.Timeout`."""

        max_retries: int
        """How often this call is sent again, from 0."""

    class GenerateOptions(CreateImageOptions, CallOptions):
        """The options of `generate`."""

    class EditOptions(CreateImageEditOptions, CallOptions):
        """The options of `edit`."""

    class VariationOptions(CreateImageVariationOptions, CallOptions):
        """The options of `create_variation`."""


_JSON = "application/json"
_FORM = "multipart/form-data"
_EVENTS = "text/event-stream"
_LINKS = ("http://", "https://", "data:")
_FILE_ID = "file-"
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(slots=True)
class Call:
    """A request that is ready, as a context manager that holds its files open.

    Attributes:
        request: What to send; it may be sent more than once.
        subject: What the pictures are about, for their file names.
        max_retries: How often it may be sent again.
        pictures: How many pictures it asks for.
        secrets: The key, and what else must be in no error.
    """

    request: httpx.Request
    subject: str
    max_retries: int
    pictures: int
    secrets: Sequence[str] = field(repr=False)
    _files: ExitStack = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._files.close()


def generate(settings: Settings, prompt: str, options: Mapping[str, Any], *, stream: bool = False) -> Call:
    """Return the call that creates pictures from a text.

    Raises:
        InvalidRequestError: An argument breaks a rule.
    """
    from images_api_client.api.images.create_image import _get_kwargs
    from images_api_client.models.create_image_request import CreateImageRequest

    draft = _Draft(settings, "createImage", _JSON, options, stream=stream)
    draft.fields["prompt"] = prompt
    return draft.call(lambda fields: _get_kwargs(body=draft.json(CreateImageRequest, fields)), prompt)


def edit(
    settings: Settings,
    image: ImageInput | Sequence[ImageInput],
    prompt: str,
    options: Mapping[str, Any],
    *,
    mask: ImageInput | None = None,
    markup: ImageInput | None = None,
    stream: bool = False,
) -> Call:
    """Return the call that edits pictures: a form with files, or JSON when each picture is a link or a file id.

    Raises:
        InvalidRequestError: An argument breaks a rule, or files and references are mixed.
    """
    from images_api_client.api.images.create_image_edit import _get_kwargs
    from images_api_client.models.create_image_edit_by_reference_request import CreateImageEditByReferenceRequest
    from images_api_client.models.create_image_edit_request import CreateImageEditRequest

    images = list(image) if isinstance(image, list) else [image]
    others = {name: given for name, given in (("mask", mask), ("markup", markup)) if given is not None}
    references = [_is_reference(given) for given in (*images, *others.values())]
    if images and all(references):
        draft = _Draft(settings, "createImageEdit", _JSON, options, stream=stream)
        draft.fields["images"] = [_reference(given) for given in images]
        draft.fields |= {name: _reference(given) for name, given in others.items()}
        draft.fields["prompt"] = prompt
        return draft.call(lambda fields: _get_kwargs(body=draft.json(CreateImageEditByReferenceRequest, fields)), prompt)
    if any(references):
        why = "must all be files, or all be links and file ids"
        raise InvalidRequestError([Problem("image, mask and markup", [*images, *others.values()], why)])
    draft = _Draft(settings, "createImageEdit", _FORM, options, stream=stream)
    draft.fields["prompt"] = prompt
    draft.attach("image", images)
    for name, given in others.items():
        draft.attach(name, [given])
    return draft.call(lambda fields: _get_kwargs(body=draft.form(CreateImageEditRequest, fields)), prompt)


def variation(settings: Settings, image: ImageInput, options: Mapping[str, Any], *, stream: bool = False) -> Call:
    """Return the call that varies a picture.

    Raises:
        InvalidRequestError: An argument breaks a rule.
    """
    from images_api_client.api.images.create_image_variation import _get_kwargs
    from images_api_client.models.create_image_variation_request import CreateImageVariationRequest

    draft = _Draft(settings, "createImageVariation", _FORM, options, stream=stream)
    draft.attach("image", list(image) if isinstance(image, list) else [image])
    subject = next((each.picture.name.rpartition(".")[0] for each in draft.uploads["image"]), "")
    return draft.call(lambda fields: _get_kwargs(body=draft.form(CreateImageVariationRequest, fields)), subject)


def low_level_client(settings: Settings) -> Client:
    """Return a generated client with these settings and no connections yet."""
    import images_api_client

    return images_api_client.Client(base_url=settings.base_url, timeout=settings.timeout)


@cache
def user_agent() -> str:
    """Return how this library names itself to servers."""
    from images_api_client import __version__

    return f"images-api/{__version__}"


class _Draft:
    """A call on its way from arguments to request."""

    def __init__(self, settings: Settings, operation: str, media_type: str, options: Mapping[str, Any], *, stream: bool) -> None:
        self.settings = settings
        self.rules = request_contract(operation, media_type)
        self.stream = stream
        self.uploads: dict[str, list[Upload]] = {}
        self.options = dict(options)
        self.extra_body: Mapping[str, object] = self._extra("extra_body")
        self.extra_headers: Mapping[str, str | None] = self._extra("extra_headers")
        self.extra_query: Mapping[str, Any] = self._extra("extra_query")
        timeout = self.options.pop("timeout", None)
        self.timeout = settings.timeout if timeout is None else checked_timeout(timeout)
        retries = self.options.pop("max_retries", None)
        self.max_retries = settings.max_retries if retries is None else checked_retries(retries)
        self.fields: dict[str, Any] = {}
        self.unusable: list[InvalidRequestError] = []
        self.named: set[str] = set()

    def _extra(self, name: str) -> Mapping[str, Any]:
        given = self.options.pop(name, None)
        if given is None:
            return {}
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
            raise InvalidRequestError([Problem(name, given, "must be a mapping of names to values")])
        return given

    def attach(self, name: str, given: Sequence[object]) -> None:
        """Add pictures to be uploaded; what is wrong with them is said with all the rest."""
        from .uploads import upload

        self.uploads[name] = []
        for place, each in enumerate(given):
            try:
                self.uploads[name].append(upload(name, each))
            except InvalidRequestError as error:
                if len(given) > 1:
                    error.problems = tuple(problem._replace(parameter=f"{name}[{place}]") for problem in error.problems)
                self.unusable.append(error)

    def call(self, kwargs: Callable[[dict[str, Any]], dict[str, Any]], subject: str) -> Call:
        """Fill in, check and build.

        Args:
            kwargs: Makes httpx's keywords of the fields, with generated code.
            subject: What the pictures are about.
        """
        files = ExitStack()
        try:
            parts = {name: [_file(files, each) for each in uploads] for name, uploads in self.uploads.items()}
            self._fill_in()
            self._check()
            self._warn_of_retired_model()
            one_or_all = {name: several[0] if len(several) == 1 else several for name, several in parts.items()}
            fields = self.fields | one_or_all | dict(self.extra_body)
            headers = self._headers()
            try:
                request = self._request(kwargs(fields), headers)
            except (TypeError, ValueError, RecursionError, httpx.InvalidURL) as error:
                raise InvalidRequestError([Problem("the request", fields, f"can't be encoded ({error})")]) from error
        except BaseException:
            files.close()
            raise
        secret = SECRET_HEADERS | {self.settings.auth_header.lower()}
        secrets = [value.removeprefix("Bearer ") for name, value in headers.items() if name in secret]
        return Call(request, subject, self.max_retries, _count(self.fields.get("n")), secrets, files)

    def json(self, model: Any, fields: dict[str, Any]) -> Any:
        """Return a JSON body's generated model."""
        # `from_dict` makes models of what is nested, and takes longer than all else here.
        nested = any(isinstance(value, dict | list) for value in fields.values())
        return model.from_dict(fields) if nested else self.form(model, fields)

    def form(self, model: Callable[..., Any], fields: dict[str, Any]) -> Any:
        """Return a form's generated model, with what the contract doesn't know as additional properties."""
        known = {name: value for name, value in fields.items() if name in self.rules.properties}
        body = model(**known)
        body.additional_properties = {name: value for name, value in fields.items() if name not in known}
        return body

    def _fill_in(self) -> None:
        properties = self.rules.properties
        self.named = {*self.fields, *self.options, *self.uploads}
        if "stream" in self.options:
            why = "is said by the method: stream_generate, stream_edit, stream_variation"
            raise InvalidRequestError([Problem("stream", self.options["stream"], why)])
        defaults = {name: value for name, value in self.settings.defaults.items() if name in properties}
        self.fields |= {"model": self.rules.default_model} | defaults | self.options
        self.fields = dict(self.rules.defaults(self.fields["model"])) | self.fields
        if self.stream and "stream" in properties:
            self.fields["stream"] = True

    def _check(self) -> None:
        problems = [problem for error in self.unusable for problem in error.problems]
        spoilt = {problem.parameter.partition("[")[0] for problem in problems}
        problems += [
            Problem("extra_body", {name: value}, f"repeats the argument {name}")
            for name, value in self.extra_body.items()
            if name in self.named
        ]
        if self.settings.validate != "off":
            pictures = {name: [each.picture for each in uploads] for name, uploads in self.uploads.items()}
            found = [Problem(*violation[:3]) for violation in self.rules.check(self.fields, pictures)]
            found = [problem for problem in found if problem.parameter not in spoilt]
            if self.settings.validate == "strict":
                problems += found
            else:
                for problem in found:
                    warn_caller(str(problem))
        if self.unusable:
            # One unreadable file makes the whole error an OSError; the first original is its cause.
            worst = next((error for error in self.unusable if isinstance(error, OSError)), self.unusable[0])
            raise type(worst)(problems) from worst.__cause__
        if problems:
            raise InvalidRequestError(problems)

    def _warn_of_retired_model(self) -> None:
        model = self.fields["model"]
        end = retired(model) if self.settings.is_official else None
        if end:
            text = f"{model} was retired on {end['date']}; {end['successor']} is its successor"
            warn_caller(text, DeprecationWarning)

    def _headers(self) -> dict[str, str]:
        """Return the headers by their names in lower case, or say which can't be sent, without its value: it may be a secret."""
        given: dict[str, Any] = {"accept": f"{_EVENTS}, {_JSON}" if self.stream else _JSON, "user-agent": user_agent()}
        for more in (self.settings.headers, self.settings.authorization(), self.extra_headers):
            given |= {str(name).lower(): value for name, value in more.items()}
        headers = {name: value for name, value in given.items() if value is not None}
        wrong = [name for name, value in headers.items() if not _HEADER_NAME.fullmatch(name) or not _is_header_value(value)]
        if wrong:
            why = "must have a name without blanks and a value in one line of ASCII"
            raise InvalidRequestError([Problem("headers", name, why) for name in wrong])
        return headers

    def _request(self, kwargs: dict[str, Any], headers: dict[str, str]) -> httpx.Request:
        url = _url(self.settings.base_url + kwargs["url"])
        headers = {name.lower(): value for name, value in kwargs["headers"].items()} | headers
        body: dict[str, Any] = {}
        if "files" in kwargs:
            body["files"] = kwargs["files"]
            headers.pop("content-type", None)  # a form's type names its boundary
        else:
            content = json.dumps(kwargs["json"], ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
            body["stream"] = httpx.ByteStream(content)
            # httpx builds all headers anew to add these where it isn't told them, which takes longer than to read the reply.
            headers = {"host": url.netloc.decode("ascii"), "content-length": str(len(content))} | headers
        extensions = {"timeout": self.timeout.as_dict()}
        request = httpx.Request(
            kwargs["method"], url, params=self.extra_query or None, headers=headers, extensions=extensions, **body
        )
        if "stream" in body:
            request.read()
        return request


@lru_cache(maxsize=64)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()


def _file(files: ExitStack, each: Upload) -> File:
    from images_api_client.types import File

    from .uploads import LargePieces

    content = cast("BinaryIO", LargePieces(files.enter_context(each.open())))
    return File(content, each.picture.name, each.picture.type or _UNKNOWN_TYPE)


def _count(n: object) -> int:
    return n if isinstance(n, int) else 1


def _is_reference(given: object) -> bool:
    if not isinstance(given, str):
        return False
    from pathlib import Path

    return given.startswith(_LINKS) or (given.startswith(_FILE_ID) and not Path(given).exists())


def _reference(given: object) -> dict[str, str]:
    text = cast("str", given)
    return {"file_id": text} if text.startswith(_FILE_ID) else {"image_url": text}
