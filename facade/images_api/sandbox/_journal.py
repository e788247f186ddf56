"""What a sandbox was asked, byte for byte and without secrets, and how much it has drawn."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECRET_WORDS = ("authorization", "api-key", "apikey", "cookie", "token", "secret")
_log = logging.getLogger("images_api.sandbox")
_MOST_REQUESTS = 1000
_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came in; of its headers (in lower case) those with secrets have no value."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: datetime


class Journal:
    """The newest requests, up to 1000 of them and 256 MiB, and a count of images. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[ReceivedRequest] = deque()
        self._bytes = self._images = self._numbers = 0

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        with self._lock:
            return tuple(self._requests)

    @property
    def images(self) -> int:
        with self._lock:
            return self._images

    def next_number(self) -> int:
        with self._lock:
            self._numbers += 1
            return self._numbers

    def add(self, request: ReceivedRequest) -> None:
        with self._lock:
            self._requests.append(request)
            self._bytes += len(request.body)
            while len(self._requests) > _MOST_REQUESTS or (self._bytes > _MOST_BYTES and len(self._requests) > 1):
                self._bytes -= len(self._requests.popleft().body)

    def count(self, images: int) -> None:
        with self._lock:
            self._images += images

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
            self._bytes = self._images = 0


class Recorder:
    """Middleware that reads each request to its end, notes it down, and signs the response.

    It stands before everything else, so that requests turned away unread are noted in full as well.
    """

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received_at, started = datetime.now(UTC), time.perf_counter()
        body, message = bytearray(), await receive()
        while message.get("more_body", False):
            body += message["body"]
            message = await receive()
        body += message.get("body", b"")
        content = bytes(body)
        self._journal.add(
            ReceivedRequest(
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
                headers=_without_secrets(Headers(scope=scope)),
                body=content,
                received_at=received_at,
            )
        )
        if message["type"] == "http.disconnect":
            return
        unread: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

        async def replay() -> Message:
            return unread.pop() if unread else await receive()

        number, answered = self._journal.next_number(), False

        async def sign(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                spent = (time.perf_counter() - started) * 1000
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = f"req_sandbox_{number:06d}"
                headers["openai-processing-ms"] = str(round(spent))
            await send(message)

        try:
            await self._app(scope, replay, sign)
        except Exception as error:
            # A server would cut the connection, and the client be none the wiser.
            if answered:
                raise
            _log.exception("the sandbox failed to answer %s %s", scope["method"], scope["path"])
            why = f"The sandbox itself failed: {type(error).__name__}."
            response = RefusedError(why, status=500, kind="server_error").response()
            await response(scope, replay, sign)


def _without_secrets(headers: Headers) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in headers.items():
        shown = "[redacted]" if any(word in name for word in _SECRET_WORDS) else value
        kept[name] = f"{kept[name]}, {shown}" if name in kept else shown
    return kept
