"""From a call's arguments to a checked request that is ready to be sent, and sent again. Nothing here does network I/O.

This room is one of the two that touch the generated client: its models and `_get_kwargs` build what goes on the wire.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib import import_module
from itertools import chain
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import httpx

from images_api._contract.document import plain
from images_api._contract.operations import is_taken, operation
from images_api._errors import InvalidRequestError, Problem
from images_api._messages import warn_caller
from images_api._results import GeneratedImage, ImagesResult
from images_api._secrets.concealed import SentURL, conceal_headers
from images_api._settings import checked_retries, checked_timeout, phases, user_agent
from images_api_client import Client
from images_api_client.operations import REQUESTS
from images_api_client.types import UNSET, File

from .chunks import ReadInThread, finished

if TYPE_CHECKING:
    from collections.abc import Callable

    from images_api._contract.operations import Operation
    from images_api._settings import Settings, TimeoutTypes

    from .chunks import OpenFiles
    from .uploads import Upload

LowLevelClient: TypeAlias = Client

_JSON = "application/json"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_EVENTS = "text/event-stream"
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNKNOWN_TYPE = "application/octet-stream"
# A tuple is one image with its name.
_ONE_IMAGE = (str, bytes, bytearray, memoryview, tuple)


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request that is ready.

    Attributes:
        http: What to send; it may be sent more than once.
        subject: What the images are about, for their file names.
        max_retries: How often it may be sent again.
        timeout: How long the call may take.
        images: How many images it asks for.
        about_model: Where the model comes from, if nobody named one, for an error that complains of it.
    """

    http: httpx.Request
    subject: str
    max_retries: int
    timeout: TimeoutTypes
    images: int
    about_model: str


class _Draft:
    """What a caller said of one call, sorted: fields, images as files or by reference, and the words of the call.

    Args:
        settings: The client's.
        operation: What is called.
        arguments: What its method was called with, by name and in the order of its signature; None is what wasn't said.
        files: Takes the files that are opened.
    """

    def __init__(self, settings: Settings, operation: Operation, arguments: Mapping[str, Any], files: OpenFiles) -> None:
        not_none = {name: value for name, value in arguments.items() if value is not None and name != "self"}
        said = {name: value if name in operation.files else plain(value) for name, value in not_none.items()}
        self.extra_headers = _mapping("extra_headers", said)
        self.extra_query = _mapping("extra_query", said)
        self.extra_body = _mapping("extra_body", said)
        self.timeout = checked_timeout(said.pop("timeout", settings.timeout))
        self.max_retries = checked_retries(said.pop("max_retries", settings.max_retries))
        # What Python keeps for itself has an underscore: https://peps.python.org/pep-0008/#descriptive-naming-styles
        self.fields = {bare if iskeyword(bare := name.removesuffix("_")) else name: value for name, value in said.items()}
        self.subject = operation.subject or next(iter(self.fields), "")
        self.operation = operation
        self.uploads: dict[str, list[Upload]] = {}
        self.unusable: list[InvalidRequestError] = []
        images = {name: _several(self.fields.pop(name)) for name in operation.files if name in self.fields}
        references = {name: [_reference(operation, name, each) for each in several] for name, several in images.items()}
        named = [each for several in references.values() for each in several]
        if any(named) and not all(named):
            given = [each for several in images.values() for each in several]
            raise InvalidRequestError([Problem(" and ".join(images), given, "must all be files, or all be links and file ids")])
        self.media_type = operation.by_reference if named and all(named) else operation.form
        self.rules = operation.bodies[self.media_type]
        for name, several in images.items():
            if any(named):
                key = self.rules.references.get(name, name)
                self.fields[key] = references[name] if self.rules.is_list(key, len(several)) else references[name][0]
            else:
                self._attach(files, name, several)

    def role(self, role: str, fields: Mapping[str, Any]) -> Any:
        """Return what the parameter says that plays a role, or None."""
        return fields.get(self.rules.roles.get(role, ""))

    def _attach(self, files: OpenFiles, name: str, several: Sequence[object]) -> None:
        """Add images to be uploaded; what is wrong with them is said with all the rest."""
        from .uploads import upload

        self.uploads[name] = []
        for index, each in enumerate(several):
            try:
                self.uploads[name].append(upload(files, name, each))
            except InvalidRequestError as error:
                if len(several) > 1:
                    error.problems = tuple(problem._replace(parameter=f"{name}[{index}]") for problem in error.problems)
                self.unusable.append(error)


def request(
    settings: Settings, operation_id: str, arguments: Mapping[str, Any], files: OpenFiles, *, stream: bool
) -> CheckedRequest:
    """Return a call's request: filled in, checked and built.

    Args:
        settings: The client's.
        operation_id: The operation, such as `createImage`.
        arguments: What its method was called with, by name and in the order of its signature; None is what wasn't said.
        files: Takes the files that are opened, which the request needs until it has been sent for the last time.
        stream: Whether the answer is to be a stream of events.

    Raises:
        InvalidRequestError: An argument breaks a rule, or files and references are mixed.
        UnreadableFileError: A file is missing or can't be read.
        DownloadError: An image of a result is a link that can't be read.
    """
    draft = _Draft(settings, operation(operation_id), arguments, files)
    fields = _filled_in(draft, settings, stream=stream)
    _check(draft, fields, settings)
    _warn_of_model(draft, fields, settings)
    headers = _headers(draft, settings, stream=stream)
    http = _built(draft, fields, headers, settings)
    count = draft.role("count", fields)
    images = count if isinstance(count, int) else 1
    about_model = _about_model(draft, fields, settings)
    return CheckedRequest(http, _subject(draft), draft.max_retries, draft.timeout, images, about_model)


async def arequest(
    settings: Settings, operation_id: str, arguments: Mapping[str, Any], files: OpenFiles, *, stream: bool
) -> CheckedRequest:
    """Return a call's request like `request`, for an event loop, which isn't held up by reading files.

    Args:
        settings: As for `request`.
        operation_id: As for `request`.
        arguments: As for `request`.
        files: As for `request`.
        stream: As for `request`.

    Raises:
        InvalidRequestError: As for `request`.
        UnreadableFileError: As for `request`.
        DownloadError: As for `request`.
    """
    called = operation(operation_id)
    if not called.files:
        return request(settings, operation_id, arguments, files, stream=stream)
    from asyncio import to_thread

    for image in chain.from_iterable(_several(arguments.get(name)) for name in called.files):
        for content in image if isinstance(image, tuple) else [image]:
            if isinstance(content, GeneratedImage) and getattr(content, "url", None) is not None:
                await content.aread()  # a thread has no event loop to fetch it with
    checked = await finished(to_thread(request, settings, operation_id, arguments, files, stream=stream), files)
    if not isinstance(body := checked.http.stream, httpx.ByteStream):  # JSON is in memory
        checked.http.stream = ReadInThread(cast("httpx.SyncByteStream", body), files)
    return checked


def low_level_client(settings: Settings, transport: Any) -> LowLevelClient:
    """Return a generated client with these settings, which sends by an httpx transport, as do those that are made of it."""
    return LowLevelClient(settings.base_url, timeout=phases(settings.timeout), httpx_args={"transport": transport})


def _mapping(name: str, said: dict[str, Any]) -> Mapping[str, Any]:
    given = said.pop(name, {})
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise InvalidRequestError([Problem(name, given, "must be a mapping of names to values")])
    return given


def _reference(operation: Operation, name: str, given: object) -> dict[str, str] | None:
    is_file = isinstance(given, str) and os.path.exists(given)  # noqa: PTH110  a Path raises for what can't be one
    return None if is_file else operation.reference(name, given)


def _several(given: object) -> Sequence[object]:
    """Return images as a list, of which results are lists too; a list of numbers is no list of images."""
    if not isinstance(given, Sequence) or isinstance(given, _ONE_IMAGE) or (given and isinstance(given[0], int)):
        return [given]
    return [image for each in given for image in (each if isinstance(each, ImagesResult) else [each])]


def _filled_in(draft: _Draft, settings: Settings, *, stream: bool) -> dict[str, Any]:
    """Return what goes out: what is said, the client's defaults, and what the contract documents for the model."""
    rules = draft.rules
    named = draft.role("model", draft.fields)
    other = None if named == draft.role("model", settings.defaults) else named
    defaults = {
        name: value
        for name, value in settings.defaults.items()
        if name in rules.properties and not (rules.lacks(other, name, value) and is_taken(name, value))
    }
    filled_in = {**rules.general_defaults, **defaults, **draft.fields}
    fields = {name: value for name, value in filled_in.items() if value is not None}
    fields = {**rules.defaults(draft.role("model", fields)), **fields}
    if stream and "stream" in rules.roles:
        fields[rules.roles["stream"]] = True
    return fields


def _check(draft: _Draft, fields: Mapping[str, Any], settings: Settings) -> None:
    """Raise everything that is wrong at once, or warn of it, as the client's `validate` says."""
    problems = [problem for error in draft.unusable for problem in error.problems]
    spoilt = {problem.parameter.partition("[")[0] for problem in problems}
    repeated = [name for name in draft.extra_body if name in draft.fields or name in draft.uploads]
    problems += [Problem("extra_body", {name: draft.extra_body[name]}, f"repeats the argument {name}") for name in repeated]
    facts = {name: [each.facts for each in uploads] for name, uploads in draft.uploads.items()}
    for violation in draft.rules.check(fields, facts) if settings.validate != "off" else ():
        if violation.parameter not in spoilt:
            problem = _blamed(Problem(*violation[:3]), draft, fields, settings)
            if settings.validate == "strict":
                problems.append(problem)
            else:
                warn_caller(str(problem))
    if draft.unusable:
        # One unreadable file makes the whole error an OSError; the first original is its cause.
        worst = next((error for error in draft.unusable if isinstance(error, OSError)), draft.unusable[0])
        raise type(worst)(problems) from worst.__cause__
    if problems:
        raise InvalidRequestError(problems)


def _blamed(problem: Problem, draft: _Draft, fields: Mapping[str, Any], settings: Settings) -> Problem:
    """Say of a value that nobody gave to this call where it comes from; else of the model that the rule is for."""
    name, model = re.split(r"[.[]", problem.parameter)[0], draft.rules.roles.get("model", "")
    source = _source(name, draft, settings)
    if source is None and f"for {fields.get(model)}" in problem.why and (of_model := _source(model, draft, settings)):
        source = f"{of_model} {model}"
    return problem if source is None else problem._replace(why=f"{problem.why} (the {source})")


def _source(name: str, draft: _Draft, settings: Settings) -> str | None:
    """Return where a parameter's value comes from, if not from the call itself."""
    defaults = {"client's default": settings.defaults, "contract's default": draft.rules.general_defaults}
    given = name in draft.fields or name in draft.uploads
    return None if given else next((source for source, values in defaults.items() if values.get(name) is not None), None)


def _about_model(draft: _Draft, fields: Mapping[str, Any], settings: Settings) -> str:
    name = draft.rules.roles.get("model", "")
    if name in settings.defaults or _source(name, draft, settings) is None:
        return ""
    return f"{fields[name]} is the contract's default {name}; {name}=None, said to the client, sends none"


def _warn_of_model(draft: _Draft, fields: Mapping[str, Any], settings: Settings) -> None:
    model = draft.role("model", fields)
    if not isinstance(model, str) or not settings.is_official:
        return
    if meant := draft.rules.meant(model):
        warn_caller(f"{model} is no model that is known; did you mean {meant}?")
    if end := draft.rules.known_models.get(model):
        ended = "was" if end["date"] <= date.today().isoformat() else "will be"  # noqa: DTZ011  a day either way is the same news
        text = f"{model} {ended} retired on {end['date']}; {end['successor']} is its successor"
        warn_caller(text, DeprecationWarning)


def _headers(draft: _Draft, settings: Settings, *, stream: bool) -> dict[str, str]:
    """Return the headers by their names in lower case, or say which can't be sent, without its value: it may be a secret."""
    given: dict[str, Any] = {"accept": f"{_EVENTS}, {_JSON}" if stream else _JSON, "user-agent": user_agent()}
    for more in filter(None, (settings.headers, settings.authorization(), draft.extra_headers)):
        given |= {str(name).lower(): value for name, value in conceal_headers(more).items()}
    headers = {name: value for name, value in given.items() if value is not None}
    wrong = [name for name, value in headers.items() if not _HEADER_NAME.fullmatch(name) or not _is_header_value(value)]
    if wrong:
        why = "must have a name without blanks and a value in one line of ASCII"
        raise InvalidRequestError([Problem("headers", name, why) for name in wrong])
    return headers


def _is_header_value(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip()


def _subject(draft: _Draft) -> str:
    """Return what the images are about: a text, or the name of the first file."""
    if draft.subject in draft.uploads:
        return next((each.facts.name.rpartition(".")[0] for each in draft.uploads[draft.subject]), "")
    return str(draft.fields.get(draft.subject, ""))


def _built(draft: _Draft, fields: dict[str, Any], headers: dict[str, str], settings: Settings) -> httpx.Request:
    files: dict[str, Any] = {}
    for name, uploads in draft.uploads.items():
        several = [File(cast("BinaryIO", each), each.facts.name, each.facts.type or _UNKNOWN_TYPE) for each in uploads]
        files[name] = several if draft.rules.is_list(name, len(several)) else several[0]
    fields = {**fields, **files, **draft.extra_body}
    try:
        kwargs = _generated_kwargs(draft, fields)
        url = _url(settings.url(kwargs["url"]))
        if draft.extra_query:
            url = url.copy_merge_params(draft.extra_query)
        headers = {name.lower(): value for name, value in kwargs["headers"].items()} | headers
        body: dict[str, Any] = {}
        if "files" in kwargs:
            body["files"] = kwargs["files"]
            headers.pop("content-type", None)  # a form's type names its boundary
        else:
            content = _ENCODER.encode(kwargs["json"]).encode()
            body["stream"] = httpx.ByteStream(content)
            # httpx builds all headers anew to add these where it isn't told them, which takes longer than to read the response.
            headers = {"host": url.netloc.decode("ascii"), "content-length": str(len(content))} | headers
        request = httpx.Request(kwargs["method"], url, headers=headers, **body)
    except (TypeError, ValueError, RecursionError, httpx.InvalidURL) as error:
        raise InvalidRequestError([Problem("the request", fields, f"can't be encoded ({error})")]) from error
    if url.userinfo or request.url.query:
        request.url = SentURL(request.url)
    if "stream" in body:
        request.read()
    return request


def _generated_kwargs(draft: _Draft, fields: dict[str, Any]) -> dict[str, Any]:
    """Return httpx's keywords for a request, as the generated client makes them."""
    model, renamed, get_kwargs = _generated(draft.operation.id, draft.media_type)
    # `from_dict` makes models of what is nested, and takes longer than all else here; a form takes what is nested as it is.
    if draft.media_type == _JSON and not {dict, list}.isdisjoint(map(type, fields.values())):
        return get_kwargs(body=model.from_dict(fields))
    properties = draft.rules.properties
    # Of itself, a model says the defaults that nobody asked for.
    said = {**dict.fromkeys(draft.rules.general_defaults, UNSET), **fields}
    body = model(**{renamed.get(name, name): value for name, value in said.items() if name in properties})
    body.additional_properties = {name: value for name, value in fields.items() if name not in properties}
    return get_kwargs(body=body)


@cache
def _generated(operation_id: str, media_type: str) -> tuple[Any, Mapping[str, str], Callable[..., dict[str, Any]]]:
    """Return a body's generated model, which attributes have another name than their parameter, and what makes the keywords."""
    built = REQUESTS[operation_id][media_type]
    module: Any = import_module(built.module, "images_api_client")
    return getattr(module, built.model), built.renamed, module._get_kwargs  # noqa: SLF001  the generator names its pure half so


@lru_cache(maxsize=64)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)
