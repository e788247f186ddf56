"""From a call's arguments to a checked request that is ready to be sent, and sent again. Nothing here does network I/O.

This room is one of the two that touch the generated client: its models and `_get_kwargs` build what goes on the wire.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from importlib import import_module
from itertools import chain
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

import httpx

from images_api._contract.document import plain
from images_api._contract.operations import Operation, is_taken, operation
from images_api._errors import InvalidRequestError, Problem
from images_api._messages import warn_caller
from images_api._problems import refused
from images_api._results import GeneratedImage, ImagesResult
from images_api._secrets import SentURL, conceal_headers
from images_api._settings import Settings, checked_retries, checked_timeout, phases, user_agent
from images_api_client import Client
from images_api_client.operations import REQUESTS
from images_api_client.types import UNSET, File

if TYPE_CHECKING:
    from .files import OpenFiles
    from .uploads import Upload

LowLevelClient: TypeAlias = Client

_JSON = "application/json"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
# A name as in https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2, and a value that nothing can be lost of.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: ([!-~]([ -~]*[!-~])?)?")
# A tuple is one image with its name.
_ONE_IMAGE = (str, bytes, bytearray, memoryview, tuple)
_CONTRACT = "contract's default"
_module = cache(import_module)
_url = lru_cache(maxsize=64)(SentURL)


class CheckedRequest:
    """A request that is ready: filled in, checked and built.

    Args:
        settings: The client's.
        operation_id: The operation, such as `createImage`.
        arguments: What its method was called with, by name and in the order of its signature; None is what wasn't said.
        files: Takes the files that are opened, which the request needs until it has been sent for the last time.
        stream: Whether the answer is to be a stream of events.

    Attributes:
        http: What to send; it may be sent more than once.
        fields: What it says, by parameter, all but uploads and `extra_body`.
        uploads: The images that go along, by parameter.
        subject: What the images are about, for their file names: a text, or the name of the first file.
        max_retries: How often it may be sent again.
        timeout: How long the call may take.
        images: How many images it asks for.
        about_model: Where the model comes from, if nobody named one, for an error that complains of it.

    Raises:
        InvalidRequestError: An argument breaks a rule, or files and references are mixed.
        UnreadableFileError: A file is missing or can't be read.
        DownloadError: An image of a result is a link that can't be read.
    """

    def __init__(
        self, settings: Settings, operation_id: str, arguments: Mapping[str, Any], files: OpenFiles, *, stream: bool
    ) -> None:
        self._settings = settings
        called = operation(operation_id)
        given = [(name, value) for name, value in arguments.items() if value is not None and name != "self"]
        said = {name: value if name in called.files else plain(value) for name, value in given}
        extra_headers, extra_query, self._extra_body = (_mapping(f"extra_{of}", said) for of in ("headers", "query", "body"))
        self.timeout = checked_timeout(said.pop("timeout", settings.timeout))
        self.max_retries = checked_retries(said.pop("max_retries", settings.max_retries))
        # What Python keeps for itself has an underscore: https://peps.python.org/pep-0008/#descriptive-naming-styles
        self._said = {name[:-1] if name[-1] == "_" and iskeyword(name[:-1]) else name: value for name, value in said.items()}
        subject = called.subject or next(iter(self._said), "")
        self.uploads: dict[str, list[Upload]] = {}
        self._unusable: dict[str, InvalidRequestError] = {}
        self._take_images(called, files)
        self.fields = self._filled_in(stream=stream)
        self._check()
        self._warn_of_model()
        self.http = self._built(called, self._headers(extra_headers, stream=stream), extra_query)
        stems = (each.facts.name.rpartition(".")[0] for each in self.uploads.get(subject, ()))
        self.subject = next(stems, str(self.fields.get(subject, "")))
        count = self.fields.get(self._rules.roles.get("count", ""))
        self.images = count if isinstance(count, int) else 1
        whose = f"the {_CONTRACT} {self._model}; {self._model}=None, said to the client, sends none"
        self.about_model = f"{self.fields.get(self._model)} is {whose}" if self._source(self._model) == _CONTRACT else ""

    def _take_images(self, called: Operation, files: OpenFiles) -> None:
        """Sort images: as fields where they are references, else to be uploaded."""
        images = {name: _several(self._said.pop(name)) for name in called.files if name in self._said}
        references = {name: [_reference(called, name, each) for each in several] for name, several in images.items()}
        named = list(chain.from_iterable(references.values()))
        if any(named) and not all(named):
            raise refused(" and ".join(images), list(chain(*images.values())), "must all be files, or all be links and file ids")
        self._media_type = called.by_reference if any(named) else called.form
        self._rules = called.bodies[self._media_type]
        self._model = self._rules.roles.get("model", "")
        for name, several in images.items():
            if any(named):
                key = self._rules.references.get(name, name)
                self._said[key] = self._listed(key, references[name])
                continue
            from .uploads import Upload

            self.uploads[name] = []
            for index, each in enumerate(several):
                try:
                    self.uploads[name].append(Upload(files, name, each))
                except InvalidRequestError as error:  # said with all the rest that is wrong
                    self._unusable[name if len(several) == 1 else f"{name}[{index}]"] = error

    def _listed(self, name: str, several: Sequence[object]) -> object:
        """Return images as a list, or the only one alone where it goes so."""
        return several if self._rules.is_list(name, len(several)) else several[0]

    def _filled_in(self, *, stream: bool) -> dict[str, Any]:
        """Return what goes out: what is said, the client's defaults, and what the contract documents for the model."""
        rules = self._rules
        own = {name: value for name, value in self._settings.defaults.items() if name in rules.properties}
        named = self._said.get(self._model)
        other = None if named == own.get(self._model) else named
        self._own = {name: each for name, each in own.items() if not (rules.lacks(other, name, each) and is_taken(name, each))}
        filled_in = {**rules.general_defaults, **self._own, **self._said}
        fields = {name: value for name, value in filled_in.items() if value is not None}
        fields = {**rules.defaults(fields.get(self._model)), **fields}
        if stream and "stream" in rules.roles:
            fields[rules.roles["stream"]] = True
        return fields

    def _source(self, name: str) -> str:
        """Say what a value comes from, if not from the call itself."""
        sources = {"": self._said, "client's default": self._own, _CONTRACT: self._rules.general_defaults}
        return next((source for source, values in sources.items() if name in values), "")

    def _check(self) -> None:
        """Raise everything that is wrong at once, or warn of it, as the client's `validate` says."""
        validate, unusable, extra = self._settings.validate, self._unusable, self._extra_body
        problems = [problem._replace(parameter=name) for name, error in unusable.items() for problem in error.problems]
        spoilt = {name.partition("[")[0] for name in unusable}
        repeated = [name for name in extra if name in self._said or name in self.uploads]
        problems += [Problem("extra_body", {name: extra[name]}, f"repeats the argument {name}") for name in repeated]
        facts = {name: [each.facts for each in uploads] for name, uploads in self.uploads.items()}
        for violation in self._rules.check(self.fields, facts) if validate != "off" else ():
            if violation.parameter not in spoilt:
                wrong = self._blamed(Problem(*violation[:3]))
                if validate == "strict":
                    problems.append(wrong)
                else:
                    warn_caller(str(wrong))
        if problems:
            # One unreadable file makes the whole error an OSError; the first original is its cause.
            worst = min(
                unusable.values(), key=lambda error: not isinstance(error, OSError), default=InvalidRequestError(problems)
            )
            raise type(worst)(problems) from worst.__cause__

    def _blamed(self, problem: Problem) -> Problem:
        """Say of a value that nobody gave to this call where it comes from; else of the model that the rule is for."""
        source = self._source(re.split(r"[.[]", problem.parameter)[0])
        if not source and f"for {self.fields.get(self._model)}" in problem.why and (whose := self._source(self._model)):
            source = f"{whose} {self._model}"
        return problem._replace(why=f"{problem.why} (the {source})") if source else problem

    def _warn_of_model(self) -> None:
        model = self.fields.get(self._model)
        if not isinstance(model, str) or not self._settings.is_official:
            return
        if meant := self._rules.meant(model):
            warn_caller(f"{model} is no model that is known; did you mean {meant}?")
        if end := self._rules.known_models.get(model):
            ended = "was" if end["date"] <= date.today().isoformat() else "will be"  # noqa: DTZ011  a day either way is the same news
            warn_caller(f"{model} {ended} retired on {end['date']}; {end['successor']} is its successor", DeprecationWarning)

    def _headers(self, extra_headers: Mapping[str, Any], *, stream: bool) -> dict[str, str]:
        """Return the headers by their names in lower case, or say which can't be sent, without its value: it may be a secret."""
        given: dict[str, Any] = {"accept": f"text/event-stream, {_JSON}" if stream else _JSON, "user-agent": user_agent()}
        for more in (self._settings.headers, self._settings.authorization(), conceal_headers(extra_headers)):
            given |= {str(name).lower(): value for name, value in more.items()}
        headers = {name: value for name, value in given.items() if value is not None}
        wrong = [name for name, text in headers.items() if not (isinstance(text, str) and _HEADER.fullmatch(f"{name}: {text}"))]
        if wrong:
            why = "must have a name without blanks and a value in one line of ASCII"
            raise InvalidRequestError([Problem("headers", name, why) for name in wrong])
        return headers

    def _built(self, called: Operation, headers: dict[str, str], query: Mapping[str, Any]) -> httpx.Request:
        files = {name: self._listed(name, [_part(each) for each in uploads]) for name, uploads in self.uploads.items()}
        fields = {**self.fields, **files, **self._extra_body}
        try:
            kwargs = self._generated_kwargs(called, fields)
            url = _url(self._settings.url(kwargs["url"]))
            url = SentURL(url.copy_merge_params(query)) if query else url
            headers = {"host": url.netloc.decode("ascii")} | headers
            if "json" not in kwargs:
                headers.pop("content-type", None)  # a form's type names its boundary
                request = httpx.Request(kwargs["method"], url, headers=headers, files=kwargs["files"])
            else:
                content = _ENCODER.encode(kwargs["json"]).encode()
                headers = {"content-type": self._media_type, "content-length": str(len(content))} | headers
                # What is no stream, httpx looks for headers of, and builds all anew; that takes longer than to read the response.
                request = httpx.Request(kwargs["method"], url, headers=headers, stream=httpx.ByteStream(content))
                request.read()
        except (TypeError, ValueError, RecursionError, httpx.InvalidURL) as error:
            raise refused("the request", fields, f"can't be encoded ({error})") from error
        request.url = url
        return request

    def _generated_kwargs(self, called: Operation, fields: dict[str, Any]) -> dict[str, Any]:
        """Return httpx's keywords for a request, as the generated client makes them."""
        built, properties = REQUESTS[called.id][self._media_type], self._rules.properties
        module: Any = _module(built.module, "images_api_client")
        model = getattr(module, built.model)
        get_kwargs: Callable[..., dict[str, Any]] = module._get_kwargs  # noqa: SLF001  the generator names its pure half so
        # `from_dict` makes models of what is nested, and takes longer than all else here; a form takes what is nested as it is.
        if self._media_type == _JSON and not {dict, list}.isdisjoint(map(type, fields.values())):
            return get_kwargs(body=model.from_dict(fields))
        # Of itself, a model says the defaults that nobody asked for.
        said = {**dict.fromkeys(self._rules.general_defaults, UNSET), **fields}
        body = model(**{built.renamed.get(name, name): value for name, value in said.items() if name in properties})
        body.additional_properties = {name: value for name, value in fields.items() if name not in properties}
        return get_kwargs(body=body)


async def arequest(
    settings: Settings, operation_id: str, arguments: Mapping[str, Any], files: OpenFiles, *, stream: bool
) -> CheckedRequest:
    """Return a call's request for an event loop, which isn't held up by reading files.

    Args:
        settings: As for `CheckedRequest`.
        operation_id: As for `CheckedRequest`.
        arguments: As for `CheckedRequest`.
        files: As for `CheckedRequest`.
        stream: As for `CheckedRequest`.

    Raises:
        InvalidRequestError: As for `CheckedRequest`.
        UnreadableFileError: As for `CheckedRequest`.
        DownloadError: As for `CheckedRequest`.
    """
    called = operation(operation_id)
    if not called.files:
        return CheckedRequest(settings, operation_id, arguments, files, stream=stream)
    from asyncio import to_thread

    from .uploads import ReadInThread, finished

    for image in chain.from_iterable(_several(arguments.get(name)) for name in called.files):
        for content in image if isinstance(image, tuple) else [image]:
            if isinstance(content, GeneratedImage):
                await content._afetched()  # noqa: SLF001  a thread has no event loop to fetch a link with
    checked = await finished(to_thread(CheckedRequest, settings, operation_id, arguments, files, stream=stream), files)
    if not isinstance(body := checked.http.stream, httpx.ByteStream):  # JSON is in memory
        checked.http.stream = ReadInThread(cast("httpx.SyncByteStream", body), files)
    return checked


def low_level_client(settings: Settings, transport: Any) -> LowLevelClient:
    """Return a generated client with these settings, which sends by an httpx transport, as do those that are made of it."""
    return LowLevelClient(settings.base_url, timeout=phases(settings.timeout), httpx_args={"transport": transport})


def _mapping(name: str, said: dict[str, Any]) -> Mapping[str, Any]:
    given = said.pop(name, {})
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise refused(name, given, "must be a mapping of names to values")
    return given


def _reference(called: Operation, name: str, given: object) -> dict[str, str] | None:
    # A Path raises for what can't be one.
    return None if isinstance(given, str) and os.path.exists(given) else called.reference(name, given)  # noqa: PTH110


def _part(upload: Upload) -> File:
    return File(cast("BinaryIO", upload), upload.facts.name, upload.facts.type or "application/octet-stream")


def _several(given: object) -> Sequence[object]:
    """Return images as a list, of which results are lists too; a list of numbers is no list of images."""
    if not isinstance(given, Sequence) or isinstance(given, _ONE_IMAGE) or (given and isinstance(given[0], int)):
        return [given]
    return [image for each in given for image in (each if isinstance(each, ImagesResult) else [each])]
