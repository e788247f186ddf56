"""Read the events of a stream, one model each.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html, except that a last event without its
blank line counts, and that the type in an event's JSON goes before the one beside it.
"""

import json
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from copy import copy
from typing import Any, TypeVar

import httpx
from attrs import define, field

from .errors import UnexpectedStatus
from .representation import short_repr

Body = TypeVar("Body")

_EVENTS = "text/event-stream"
_ACCEPT = f"{_EVENTS}, application/json"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
# As many bytes tell events from JSON.
_TELLING = max(map(len, _FIELDS))
_BLANK = b"\xef\xbb\xbf \t\r\n"
_DONE = b"[DONE]"
_NOT_THE_MODEL = (AttributeError, KeyError, RecursionError, TypeError, ValueError)


@define
class UnknownEvent:
    """An event that the contract doesn't know."""

    type_: str
    """ What kind of event this is; `message` where nothing is said. """
    data: Any
    """ What its JSON says; its text where that is no JSON. """

    __repr__ = short_repr


@define(frozen=True)
class EventModels:
    """Which model an event becomes."""

    type_property: str = ""
    """ The property that says what kind of event it is. """
    models: Mapping[str, Any] = field(factory=dict)
    """ The model of each kind. """
    other: Any = None
    """ The model of any other kind, if there is one. """
    error: Any = None
    """ The model of an error, if there is one; its property `error` says what is wrong. """

    def event(self, name: str, data: bytes) -> Any:
        """Return an event as its model, an error as that of errors, anything else as an `UnknownEvent`.

        Args:
            name: What kind of event it is, as said beside its data.
            data: Its data.
        """
        text = data.decode("utf-8", "replace")
        try:
            fields = json.loads(text)
        except (RecursionError, ValueError):
            return UnknownEvent(name or "message", text)
        first = fields[0] if isinstance(fields, list) and fields else fields
        if not isinstance(first, dict):
            return UnknownEvent(name or "message", fields)
        said = first.get(self.type_property)
        kind = said if isinstance(said, str) and said else name
        explains = bool(first.get("error") or first.get("errors"))
        if self.error is not None and (explains or "error" in {kind, name}):
            model, first = self.error, first if explains else {"error": first}
        else:
            model = self.models.get(kind, self.other) if first is fields else None
            first = {**first, self.type_property: kind} if self.type_property else first
        if model is not None:
            try:
                return model.from_dict(first)
            except _NOT_THE_MODEL:
                pass  # whatever it is, it is kept
        return UnknownEvent(kind or "message", fields)


def asking_for_stream(body: Body, parameter: str) -> Body:
    """Return a copy of a request's body that asks for a stream.

    Args:
        body: The body, which stays as it is.
        parameter: The name of the attribute that asks for it; a body without it is returned as it is.
    """
    if hasattr(body, parameter):
        body = copy(body)
        setattr(body, parameter, True)
    return body


def sync_events(
    client: httpx.Client, request: dict[str, Any], models: EventModels, parse: Callable[[httpx.Response], Any]
) -> Generator[Any, None, None]:
    """Send a request and yield the events of its response, which is closed with the generator.

    Args:
        client: What to send with.
        request: The arguments of `client.stream`.
        models: Which model an event becomes.
        parse: Makes a model of a response that isn't a stream; None where it can't.

    Raises:
        UnexpectedStatus: The response is neither events nor what the contract says.
        httpx.HTTPError: The request couldn't be sent, or the stream broke off.
    """
    with client.stream(**_asking(request)) as response:
        reader = _Reader(response, models, parse)
        for chunk in response.iter_bytes():
            yield from reader.feed(chunk)
            if reader.is_done:
                return
        yield from reader.finish()


async def asyncio_events(
    client: httpx.AsyncClient, request: dict[str, Any], models: EventModels, parse: Callable[[httpx.Response], Any]
) -> AsyncGenerator[Any, None]:
    """Do what `sync_events` does, for asyncio."""
    async with client.stream(**_asking(request)) as response:
        reader = _Reader(response, models, parse)
        async for chunk in response.aiter_bytes():
            for event in reader.feed(chunk):
                yield event
            if reader.is_done:
                return
        for event in reader.finish():
            yield event


def _asking(request: dict[str, Any]) -> dict[str, Any]:
    return {**request, "headers": {"Accept": _ACCEPT, **request.get("headers", {})}}


class _Reader:
    """Makes models of a response's bytes, be they events or not."""

    def __init__(self, response: httpx.Response, models: EventModels, parse: Callable[[httpx.Response], Any]) -> None:
        self.is_done = False
        self._response = response
        self._models = models
        self._parse = parse
        self._lines = _Lines()
        self._is_stream: bool | None = None if response.is_success else False
        self._chunks: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[Any]:
        if not self._is_stream:
            self._chunks.append(chunk)
            if self._is_stream is None:
                chunk = b"".join(self._chunks).lstrip(_BLANK)
                self._chunks = [chunk]
                self._tell(chunk, least=_TELLING)
        if self._is_stream:
            yield from self._events(self._lines.feed(chunk))

    def finish(self) -> Iterator[Any]:
        body = b"".join(self._chunks)
        if self._is_stream is None:
            self._tell(body, least=0)
            if self._is_stream:
                yield from self._events(self._lines.feed(body))
        if self._is_stream:
            yield from self._events(self._lines.finish())
            return
        headers = {"Content-Type": self._response.headers.get("content-type", "")}
        parsed = self._parse(httpx.Response(self._response.status_code, headers=headers, content=body))
        if parsed is None:
            raise UnexpectedStatus(self._response.status_code, body)
        yield parsed

    def _tell(self, body: bytes, least: int) -> None:
        """Tell events from anything else: by the first bytes, for the header of many a server is wrong."""
        start = body[:_TELLING]
        if len(start) >= least:
            is_labelled = self._response.headers.get("content-type", "").lower().startswith(_EVENTS)
            self._is_stream = start.startswith(_FIELDS) or (is_labelled and not start.startswith((b"{", b"[", b"<")))

    def _events(self, found: Iterator[tuple[str, bytes]]) -> Iterator[Any]:
        for name, data in found:
            if data.strip() == _DONE:
                self.is_done = True
                return
            if data.strip():
                yield self._models.event(name, data)


class _Lines:
    """Splits bytes into events, fed in chunks of any size, in time linear in their number."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._after_cr = False
        self._is_first = True
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the type and the data of each event that the bytes so far complete."""
        if self._after_cr and chunk:  # CR LF is one line end, even when it is torn apart
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        for piece in chunk.splitlines(keepends=True):
            self._line.append(piece)
            self._after_cr = piece.endswith(b"\r")
            if self._after_cr or piece.endswith(b"\n"):
                yield from self._end_line()

    def finish(self) -> Iterator[tuple[str, bytes]]:
        """Yield a last event that has no blank line behind it."""
        yield from self._end_line()
        yield from self._end_line()

    def _end_line(self) -> Iterator[tuple[str, bytes]]:
        line = b"".join(self._line).rstrip(b"\r\n")
        self._line.clear()
        if self._is_first:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._is_first = False
        field_name, _, value = line.partition(b":")
        if field_name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field_name == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        elif not line:
            if self._data:
                yield self._name, b"\n".join(self._data)
            self._name, self._data = "", []
