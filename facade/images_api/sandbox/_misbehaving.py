"""Lets an answer go wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import time
from contextlib import aclosing, suppress
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Match

from images_api._contract.document import error_codes
from images_api._images.headers import HEAD, media_type

from ._faults import HEADER, TABLE, Fault
from ._refusal import RefusedError
from ._stopping import until_stopped

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import Route
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._faults import Faults, Need
    from ._journal import Journal
    from ._shelf import Shelf
    from ._studio import Plan

# Seconds between two looks at whether the sandbox is to stop, and between two pieces of a trickle.
_TICK = 0.05
# To close at once, whatever is still to be sent: https://learn.microsoft.com/windows/win32/api/winsock/ns-winsock-linger
_ABORT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
_PAGE = "<!doctype html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"
_BROKEN_JSON = '{"created": 1, "data": [{"b64_json": "iVBORw0KGgo'
_NOT_HTTP = b"SSH-2.0-OpenSSH_9.9\r\n\r\n"
# Base64 has four letters for three bytes.
_HEAD_IN_BASE64 = -(-HEAD // 3) * 4
# What an event is stands before its image.
_EVENT_HEAD = 200
_HEARTBEAT = b": still there\n\n"

_FITS: Mapping[Need, tuple[str, Callable[[Plan], bool]]] = {
    "any": ("any call", lambda _: True),
    "plain": ("a call without a stream", lambda plan: not plan.stream),
    "stream": ("a stream", lambda plan: plan.stream),
    "base64": ("an answer with base64", lambda plan: not plan.as_url),
    "links": ("an answer with links", lambda plan: plan.as_url),
}
# What the API calls its errors, by their status.
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class Unread:
    """Middleware that picks the requests whose connection breaks before anyone has read them.

    Args:
        app: What answers. It finds the fault, if there is one, as `scope["state"]["unread"]`.
        faults: What is to go wrong.
        routes: The operations.
    """

    def __init__(self, app: ASGIApp, faults: Faults, routes: Sequence[Route]) -> None:
        self._app = app
        self._faults = faults
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and any(route.matches(scope)[0] is Match.FULL for route in self._routes):
            # What isn't understood is refused once the request is read.
            with suppress(ValueError):
                fault = self._faults.next(Headers(scope=scope).get(HEADER), is_read=False)
                if fault is not None:
                    scope.setdefault("state", {})["unread"] = fault
        await self._app(scope, receive, send)


class _InsteadError(Exception):
    """Nothing is to be made."""


class Misbehaving:
    """Carries out the next fault on the answers to operations.

    Only requests that would be answered fail so: others are refused for what is wrong with them.

    Args:
        faults: What is to go wrong.
        journal: Where is noted what did.
        shelf: The images that are made.
        closing: Ends every wait when it is set.
    """

    def __init__(self, faults: Faults, journal: Journal, shelf: Shelf, closing: threading.Event) -> None:
        self._faults = faults
        self._journal = journal
        self._shelf = shelf
        self._closing = closing

    def over(self, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers an operation, rightly or not.

        Args:
            answer: What answers it as it should be. It hands its plan to `request.state.accepted` before it makes an image, and
                follows the one that it gets back.
        """

        async def misbehave(request: Request) -> Response:
            if (unread := request.scope["state"].get("unread")) is not None:
                self._note(request, unread)
                return _OnTheWay(unread, Response(), self._closing)
            fault: Fault | None = None
            count = 0

            def accepted(plan: Plan) -> Plan:
                nonlocal fault, count
                fault, count = self._next(request, plan), len(plan.orders)
                if fault is None:
                    return plan
                self._note(request, fault)
                if not fault.billed and (fault.kind in _INSTEAD or fault.kind in _CONNECTION):
                    raise _InsteadError
                return replace(plan, stream=False) if fault.kind == "json" else plan

            request.state.accepted = accepted
            response = Response()
            with suppress(_InsteadError):
                response = await answer(request)
            return response if fault is None else self._altered(request, response, count, fault)

        return misbehave

    def _next(self, request: Request, plan: Plan) -> Fault | None:
        def fits(fault: Fault) -> bool:
            return _FITS[TABLE[fault.kind].needs][1](plan)

        try:
            fault = self._faults.next(request.headers.get(HEADER), fits=fits)
        except ValueError as error:
            raise RefusedError(f"The header {HEADER}: {error}.", code="unknown_fault") from error
        if fault is None or fits(fault):
            return fault
        message = f"The header {HEADER}: the fault '{fault.kind}' needs {_FITS[TABLE[fault.kind].needs][0]}."
        raise RefusedError(message, code="unfit_fault")

    def _note(self, request: Request, fault: Fault) -> None:
        self._journal.note(request.state.number, fault=str(fault))

    def _altered(self, request: Request, response: Response, count: int, fault: Fault) -> Response:
        """Return what comes of an answer.

        Args:
            request: The request.
            response: The answer as it should be; of no matter where another takes its place.
            count: How many images it has.
            fault: What goes wrong.
        """
        if fault.kind in _INSTEAD:
            return _INSTEAD[fault.kind](request, fault)
        if fault.kind in _CONNECTION or fault.kind in _BODY:
            return _OnTheWay(fault, response, self._closing)
        if fault.kind == "wrong type":
            response.headers["content-type"] = "text/plain; charset=utf-8"
        elif not isinstance(response, StreamingResponse):
            self._alter_document(response, fault)
        else:
            events = cast("AsyncGenerator[bytes]", response.body_iterator)
            if fault.kind in _IMAGE or fault.kind == "expired url":
                altered = self._with_altered_images(events, count, fault)
            else:
                altered = _EVENTS[fault.kind](events, fault, self._closing)
            response.body_iterator = _ended_together(altered, events)
        return response

    def _alter_document(self, response: Response, fault: Fault) -> None:
        document = json.loads(bytes(response.body))
        if fault.kind in _DATA:
            for name, value in document.items():
                if isinstance(value, dict | list) and any(True for _ in _texts(value, self._is_image)):
                    document[name] = _DATA[fault.kind]
        else:
            self._alter_images(document, fault)
        response.body = json.dumps(document).encode()
        response.headers["content-length"] = str(len(response.body))

    def _alter_images(self, document: Any, fault: Fault) -> None:
        """Let all links have expired, or break the last image."""
        if fault.kind == "expired url":
            for parent, key in [*_texts(document, self._is_link)]:
                parent[key] = self._expired(parent[key])
        elif fault.kind in _IMAGE:
            for parent, key in [*_texts(document, _is_base64)][-1:]:
                parent[key] = _IMAGE[fault.kind](parent[key], fault)

    async def _with_altered_images(self, events: AsyncGenerator[bytes], count: int, fault: Fault) -> AsyncGenerator[bytes]:
        async for event in events:
            said = _said(event)
            if said is None or _is_partial(event):
                yield event
                continue
            count -= 1
            if not count or fault.kind == "expired url":
                self._alter_images(said, fault)
            yield _saying(event, said)

    def _is_image(self, text: str) -> bool:
        return _is_base64(text) or self._is_link(text)

    def _is_link(self, text: str) -> bool:
        return self._name(text) is not None

    def _name(self, link: str) -> str | None:
        """Return the name of the image that a link leads to, wherever it stands in the path."""
        return next((part for part in link.partition("?")[0].split("/") if self._shelf.get(part) is not None), None)

    def _expired(self, link: str) -> str:
        host = urlunsplit((*urlsplit(link)[:2], "", "", ""))
        return host + self._shelf.target(self._name(link) or "", is_expired=True)


def _is_base64(text: str) -> bool:
    """Tell whether a text is an image's base64, bare or as a data URL."""
    with suppress(ValueError):
        return media_type(base64.b64decode(text[_base64_start(text) :][:_HEAD_IN_BASE64], validate=True)) is not None
    return False


def _base64_start(text: str) -> int:
    return text.find(",") + 1 if text.startswith("data:") else 0


def _texts(value: Any, is_wanted: Callable[[str], bool]) -> Iterator[tuple[Any, Any]]:
    """Find the texts of a JSON value that are wanted: what each is in, and by which key."""
    for key, inner in [*(value.items() if isinstance(value, dict) else enumerate(value))]:
        if isinstance(inner, dict | list):
            yield from _texts(inner, is_wanted)
        elif isinstance(inner, str) and is_wanted(inner):
            yield value, key


# --- in place of the answer ---------------------------------------------------------------------------------------------------


def _refusal(_: Request, fault: Fault) -> Response:
    status = fault.status or 0
    if status == HTTPStatus.NOT_MODIFIED:
        return Response(None, status, _headers(fault))
    raise _error(fault, status)


def _error(fault: Fault, status: int) -> RefusedError:
    code = fault.code or _CODES.get(status)
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = "requests"
    if code in error_codes()["quota"]:
        kind = str(code)
    message = fault.message or f"The sandbox was told to fail: {_phrase(status)}."
    return RefusedError(message, code=code, status=status, kind=kind, headers=_headers(fault))


def _phrase(status: int) -> str:
    named = {each.value: each.phrase for each in HTTPStatus}
    return f"{status} {named.get(status, 'Unknown')}"


def _headers(fault: Fault) -> dict[str, str]:
    said = {"retry-after": fault.retry_after, "retry-after-ms": fault.retry_after_ms, "x-should-retry": fault.should_retry}
    return {name: value for name, value in said.items() if value is not None}


def _proxy_page(_: Request, fault: Fault) -> Response:
    status = fault.status or 0
    return HTMLResponse(_PAGE.format(_phrase(status)), status, _headers(fault))


def _login_page(_: Request, __: Fault) -> Response:
    return HTMLResponse(_PAGE.format("Log in to go on"))


def _redirect(request: Request, fault: Fault) -> Response:
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(fault.to or here, fault.status or 0)


def _error_as_success(_: Request, fault: Fault) -> Response:
    return JSONResponse(_error_document(fault))


def _error_document(fault: Fault) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(bytes(_error(fault, HTTPStatus.INTERNAL_SERVER_ERROR).response().body))
    return document


_INSTEAD: Mapping[str, Callable[[Request, Fault], Response]] = {
    "status": _refusal,
    "proxy page": _proxy_page,
    "login page": _login_page,
    "redirect": _redirect,
    "error as success": _error_as_success,
    "broken json": lambda *_: Response(_BROKEN_JSON, media_type="application/json"),
    "empty body": lambda *_: Response(media_type="application/json"),
}

# --- what the answer says -----------------------------------------------------------------------------------------------------

_DATA: Mapping[str, list[object] | None] = {"no data": [], "null data": None}


def _no_base64(text: str, _: Fault) -> str:
    return text[: _base64_start(text)] + "so much for base64!"


def _cut_image(text: str, fault: Fault) -> str:
    start = _base64_start(text)
    content = base64.b64decode(text[start:])
    return text[:start] + base64.b64encode(content[: int(len(content) * (fault.at or 0))]).decode()


def _not_an_image(text: str, _: Fault) -> str:
    return text[: _base64_start(text)] + base64.b64encode(b"so much for images!").decode()


_IMAGE: Mapping[str, Callable[[str, Fault], str]] = {
    "no base64": _no_base64,
    "cut image": _cut_image,
    "not an image": _not_an_image,
}

# --- the events of a stream ---------------------------------------------------------------------------------------------------


def _is_partial(event: bytes) -> bool:
    return b"partial_image" in event[:_EVENT_HEAD]


def _said(event: bytes) -> dict[str, Any] | None:
    """Return what an event says in JSON, or None where that is no object."""
    with suppress(ValueError):
        said = json.loads(event.partition(b"data: ")[2])
        return cast("dict[str, Any]", said) if isinstance(said, dict) else None
    return None


def _saying(event: bytes, said: object) -> bytes:
    """Return an event with other data."""
    return b"%bdata: %b\n\n" % (event.partition(b"data: ")[0], json.dumps(said).encode())


async def _ended_together(altered: AsyncGenerator[bytes], events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield altered events, and close with them those that they are made of."""
    async with aclosing(events), aclosing(altered):
        async for event in altered:
            yield event


async def _final_first(events: AsyncGenerator[bytes], *_: object) -> AsyncGenerator[bytes]:
    held: list[bytes] = []
    async for event in events:
        if _is_partial(event):
            held.append(event)
            continue
        yield event
        while held:
            yield held.pop(0)


async def _named_by_event(events: AsyncGenerator[bytes], *_: object) -> AsyncGenerator[bytes]:
    async for event in events:
        said = _said(event)
        name = None if said is None else said.pop("type", None)
        yield event if name is None else _saying(b"event: %b\n" % str(name).encode(), said)


async def _no_final(events: AsyncGenerator[bytes], *_: object) -> AsyncGenerator[bytes]:
    async for event in events:
        if _is_partial(event):
            yield event


async def _error_event(events: AsyncGenerator[bytes], fault: Fault, _: object) -> AsyncGenerator[bytes]:
    async for event in events:
        if not _is_partial(event):
            break
        yield event
    yield _saying(b"event: error\n", {"type": "error", **_error_document(fault)})


async def _done(events: AsyncGenerator[bytes], *_: object) -> AsyncGenerator[bytes]:
    async for event in events:
        yield event
    yield b"data: [DONE]\n\n"


async def _heartbeats(events: AsyncGenerator[bytes], fault: Fault, closing: threading.Event) -> AsyncGenerator[bytes]:
    until = time.monotonic() + (fault.seconds or 0)
    # A client that leaves ends this as well.
    while time.monotonic() < until and not closing.is_set():
        yield _HEARTBEAT
        await until_stopped(closing, _TICK)
    async for event in events:
        yield _HEARTBEAT + event
    yield _HEARTBEAT


_EVENTS: Mapping[str, Callable[[AsyncGenerator[bytes], Fault, threading.Event], AsyncGenerator[bytes]]] = {
    "final first": _final_first,
    "named by event": _named_by_event,
    "no final": _no_final,
    "error event": _error_event,
    "done": _done,
    "heartbeats": _heartbeats,
}

# --- the connection, and the bytes on their way ---------------------------------------------------------------------------------


class _LeftError(Exception):
    """The client has gone, or the sandbox is to stop."""


class _Wire:
    """The way of an answer to its client."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, closing: threading.Event) -> None:
        self._transport: Any = scope.get("state", {}).get("transport")
        self._receive = receive
        self._send = send
        self._closing = closing
        self._is_started = False
        self._leaving = asyncio.ensure_future(self._until_left())

    def give_back(self) -> None:
        """Listen to the client no more."""
        self._leaving.cancel()

    async def start(self, response: Response) -> None:
        """Send the head of an answer."""
        self._is_started = True
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})

    async def send(self, chunk: bytes, *, is_last: bool = False) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": chunk, "more_body": not is_last})

    async def wait(self, seconds: float = float("inf")) -> None:
        """Wait, or raise `_LeftError` as soon as it is in vain."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await asyncio.wait([self._leaving], timeout=min(left, _TICK))
            if self._leaving.done() or self._closing.is_set():
                raise _LeftError

    async def break_off(self, *, is_reset: bool = False, last_words: bytes = b"") -> None:
        """End the connection.

        Another server than the sandbox's own doesn't let go of it, but closes it where an answer fails in its middle.
        """
        if self._transport is None:
            if not self._is_started:
                await self.start(Response(headers={"content-length": "1"}))
            raise ConnectionAbortedError("a fault ends the connection here")
        if last_words:
            self._transport.write(last_words)
        if is_reset:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            self._transport.abort()
        else:
            self._transport.close()
        await self.wait()

    async def abort(self) -> None:
        """Let go of a connection whose answer can't come to its end."""
        if self._transport is not None:
            self._transport.abort()
            await self._leaving
        elif not self._leaving.done():
            await self.break_off()

    async def _until_left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _OnTheWay(Response):
    """An answer whose bytes don't come as they should."""

    def __init__(self, fault: Fault, response: Response, closing: threading.Event) -> None:
        super().__init__()
        self._fault = fault
        self._response = response
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = _Wire(scope, receive, send, self._closing)
        try:
            await (_CONNECTION | _BODY)[self._fault.kind](wire, self._fault, self._response)
        except _LeftError:
            await wire.abort()
        finally:
            wire.give_back()


async def _reset(wire: _Wire, _: Fault, __: Response) -> None:
    await wire.break_off(is_reset=True)


async def _close(wire: _Wire, _: Fault, __: Response) -> None:
    await wire.break_off()


async def _not_http(wire: _Wire, _: Fault, __: Response) -> None:
    await wire.break_off(last_words=_NOT_HTTP)


async def _silence(wire: _Wire, _: Fault, __: Response) -> None:
    await wire.wait()


async def _latency(wire: _Wire, fault: Fault, response: Response) -> None:
    await wire.wait(fault.seconds or 0)
    await _send_chunks(wire, response)


async def _trickle(wire: _Wire, fault: Fault, response: Response) -> None:
    await _send_chunks(wire, response, fault.seconds or 0)


async def _stalled_body(wire: _Wire, fault: Fault, response: Response) -> None:
    await _send_part(wire, fault, response)
    await wire.wait()


async def _cut_body(wire: _Wire, fault: Fault, response: Response) -> None:
    await _send_part(wire, fault, response)
    await wire.break_off()


async def _cut_chunks(wire: _Wire, fault: Fault, response: Response) -> None:
    # A body whose length nobody says goes in chunks.
    del response.headers["content-length"]
    await _cut_body(wire, fault, response)


async def _reset_body(wire: _Wire, fault: Fault, response: Response) -> None:
    await _send_part(wire, fault, response)
    await wire.break_off(is_reset=True)


async def _send_chunks(wire: _Wire, response: Response, seconds: float = 0) -> None:
    await wire.start(response)
    async for chunk in _chunks(response):
        pieces = max(1, min(len(chunk), round(seconds / _TICK)))
        for index in range(pieces):
            await wire.wait(seconds / pieces)
            await wire.send(chunk[len(chunk) * index // pieces : len(chunk) * (index + 1) // pieces])
    await wire.send(b"", is_last=True)


async def _send_part(wire: _Wire, fault: Fault, response: Response) -> None:
    await wire.start(response)
    async with aclosing(_chunks(response)) as chunks:
        async for chunk in chunks:
            is_whole = isinstance(response, StreamingResponse) and _is_partial(chunk)
            await wire.send(chunk if is_whole else chunk[: int(len(chunk) * (fault.at or 0))])
            if not is_whole:
                return


async def _chunks(response: Response) -> AsyncGenerator[bytes]:
    if isinstance(response, StreamingResponse):
        async with aclosing(cast("AsyncGenerator[bytes]", response.body_iterator)) as events:
            async for event in events:
                yield event
    else:
        yield bytes(response.body)


_CONNECTION: dict[str, Callable[[_Wire, Fault, Response], Awaitable[None]]] = {
    "reset unread": _reset,
    "reset": _reset,
    "close": _close,
    "not http": _not_http,
    "silence": _silence,
}
_BODY: dict[str, Callable[[_Wire, Fault, Response], Awaitable[None]]] = {
    "latency": _latency,
    "trickle": _trickle,
    "stalled body": _stalled_body,
    "cut body": _cut_body,
    "cut chunks": _cut_chunks,
    "reset body": _reset_body,
}
