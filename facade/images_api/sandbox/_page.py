"""The page at the sandbox's root: what was asked, what was answered, and a button for the next fault."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from images_api._images.headers import HEAD, media_type

from ._faults import KINDS, Fault
from ._guard import is_own_page
from ._refusal import RefusedError
from ._stopping import until_stopped
from ._summaries import summary

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ._faults import Faults
    from ._journal import Journal
    from ._shelf import Shelf

_ROOT = "/_sandbox"
_MOST_SHOWN = 200
# Requests that are told of at once: others want to be answered meanwhile.
_MOST_AT_ONCE = 20
# Seconds: between two looks at what is new, and before a page that lost its events asks for them again.
_PAUSE = 0.1
_RETRY_MS = 1000
_LARGEST_ORDER = 4 << 10
_FILES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "; ".join(
        [
            *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"),
            *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
            *("require-trusted-types-for 'script'", "trusted-types 'none'"),
        ]
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
# An svg that is opened by itself is a document. It may hold an image and look like something, and nothing else.
_IMAGE_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


def routes(journal: Journal, faults: Faults, shelf: Shelf, closing: threading.Event, *, base: str = "/v1") -> list[BaseRoute]:
    """Return the page's routes.

    Args:
        journal: What was asked.
        faults: What the page arms.
        shelf: The images that were made.
        closing: Ends the page's events when it is set.
        base: The path of the base URL for clients.
    """
    page = _Page(journal, faults, shelf, closing, base)
    private = [Middleware(_Private)]
    return [
        Route("/", partial(_file, name="index.html", kind="text/html"), methods=["GET"], middleware=private),
        Mount(
            _ROOT,
            # An application of its own, so that the middleware has its errors as well.
            Starlette(
                routes=[
                    *(Route(f"/{name}", partial(_file, name=name, kind=kind), methods=["GET"]) for name, kind in _FILES.items()),
                    Route("/events", page.events, methods=["GET"]),
                    Route("/faults", page.arm, methods=["POST"]),
                    Route("/faults", page.disarm, methods=["DELETE"]),
                    Route("/{run}/made/{name}", page.made, methods=["GET"]),
                    Route("/{run}/sent/{number}/{index}", page.sent, methods=["GET"]),
                ],
                middleware=private,
            ),
        ),
    ]


class _Private:
    """Middleware that lets no other page ask, whichever may use the API, and says what a browser may do with an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answered.setdefault(name, value)
            await send(message)

        if is_own_page(Headers(scope=scope)):
            await self._app(scope, receive, send_on)
        else:
            error = RefusedError("This is for the sandbox's own page.", code="origin_not_allowed", status=403)
            await error.response()(scope, receive, send_on)


class _Page:
    """What the page asks for while it is open."""

    def __init__(self, journal: Journal, faults: Faults, shelf: Shelf, closing: threading.Event, base: str) -> None:
        self._journal = journal
        self._faults = faults
        self._shelf = shelf
        self._closing = closing
        self._base = base
        # What a page knows from before the server was started anew is worth nothing.
        self._run = secrets.token_hex(8)

    async def events(self, request: Request) -> Response:
        """Tell what is new, for as long as the page is open."""
        run, _, change = request.headers.get("last-event-id", "").partition("-")
        since = int(change) if run == self._run and re.fullmatch("[0-9]{1,15}", change) else 0
        return StreamingResponse(self._events(since), media_type="text/event-stream")

    async def made(self, request: Request) -> Response:
        """Serve an image that was made."""
        return _image(self._shelf.get(request.path_params["name"]))

    async def sent(self, request: Request) -> Response:
        """Serve an image that came with a request."""
        number, index = request.path_params["number"], request.path_params["index"]
        contents = dict[str, bytes]()
        if re.fullmatch("[0-9]{1,15}", number) and (asked := self._journal.get(int(number))):
            several = [image.content for given in asked.images.values() for image in given]
            contents = {str(position): content for position, content in enumerate(several)}
        return _image(contents.get(index))

    async def arm(self, request: Request) -> Response:
        """Let the next requests fail: `{"fault": "cut body", "times": 1}`."""
        try:
            fault, times = await _order(request)
            self._faults.arm(Fault.parse(fault), times)
        except RefusedError as error:
            return error.response()
        except ValueError as error:
            return RefusedError(str(error), code="invalid_value").response()
        return JSONResponse({"armed": self._armed()})

    async def disarm(self, _: Request) -> Response:
        """Forget the faults that are armed."""
        self._faults.disarm()
        return JSONResponse({"armed": self._armed()})

    def _armed(self) -> list[str]:
        return [str(fault) for fault in self._faults.armed]

    async def _events(self, since: int) -> AsyncGenerator[str]:
        yield f"retry: {_RETRY_MS}\n" + _event({"run": self._run, "base": self._base, "kinds": dict(KINDS)})
        told: object = None
        while not self._closing.is_set():
            known = self._journal.changes, self._armed()
            if known != told:
                oldest, news = self._journal.newest(_MOST_SHOWN, since)
                yield _event({"armed": known[1], "oldest": oldest})
                for start in range(0, len(news), _MOST_AT_ONCE):
                    several = news[start : start + _MOST_AT_ONCE]
                    since = several[-1][0]
                    requests = [summary(each, self._shelf, f"{_ROOT}/{self._run}") for _, each in several]
                    yield f"id: {self._run}-{since}\n" + _event({"requests": requests})
                    await asyncio.sleep(0)
                told = known
            await until_stopped(self._closing, _PAUSE)


async def _file(_: Request, name: str, kind: str) -> Response:
    return Response(_content(name), media_type=kind)


@cache
def _content(name: str) -> bytes:
    return files("images_api.sandbox").joinpath("page", name).read_bytes()


def _image(content: bytes | None) -> Response:
    kind = media_type(content[:HEAD]) if content else None
    if content is None or kind is None:
        return RefusedError("There is no such image, or not any more.", code="not_found", status=404).response()
    return Response(content, media_type=kind, headers={"content-security-policy": _IMAGE_POLICY})


def _event(said: object) -> str:
    # All but ASCII is escaped, so no text of a request's can end a line.
    return f"data: {json.dumps(said)}\n\n"


async def _order(request: Request) -> tuple[str, int]:
    """Read which fault is to be armed, and how many times.

    Raises:
        RefusedError: It can't be told.
    """
    # What a page may send elsewhere without asking first, a form for one, is never of this type.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError("Send the fault as application/json.", code="unsupported_content_type", status=415)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_ORDER:
            raise RefusedError("No fault takes that many words.", code="request_too_large", status=413)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError("The body could not be read as JSON.", code="invalid_json") from error
    order = cast("dict[str, object]", said) if isinstance(said, dict) else {}
    fault, times = order.get("fault"), order.get("times", 1)
    if not isinstance(fault, str) or not isinstance(times, int):
        raise RefusedError("The body must be an object with fault, a text, and times, a whole number.", code="invalid_type")
    return fault, times
