"""Notes each request down, byte for byte, and signs its answer."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders

from ._refusal import RefusedError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ._journal import Journal

_LARGEST_BODY = 128 << 20
# Of all requests that are there at once.
_MOST_BYTES = 256 << 20
_MOST_DIGITS = 18  # more than any length has
# Who sends more than is read shall not go on.
_GOODBYE = {"connection": "close"}
_SECRET_WORDS = ("authorization", "api-key", "apikey", "cookie", "token", "secret")
_log = logging.getLogger("images_api.sandbox")


class Recorder:
    """Middleware that reads each request to its end, notes it down, and signs the response.

    It stands before everything that answers, so that requests turned away unread are noted in full as well.

    Args:
        app: What answers. It finds the request's number as `scope["state"]["number"]`.
        journal: Where requests are noted down.
    """

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal
        self._bytes = 0  # of all requests that are there just now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received_at, chunks = datetime.now(UTC), list[bytes]()
        app, is_whole, body = self._app, True, b""
        scope.setdefault("state", {})
        try:
            try:
                # A connection that is to break before its request is read has no use for a body.
                is_whole = "unread" in scope["state"] or await self._read(Headers(scope=scope), receive, chunks)
                body = b"".join(chunks)
            except RefusedError as error:
                app = error.response()
            scope["state"]["number"] = self._journal.add(
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
                headers=_without_secrets(Headers(scope=scope)),
                body=body,
                received_at=received_at,
            )
            if is_whole:
                await self._answer(app, scope, _replay(body, receive), send)
        finally:
            self._bytes -= sum(map(len, chunks))

    async def _read(self, headers: Headers, receive: Receive, chunks: list[bytes]) -> bool:
        """Read a body, and return whether it came whole.

        Raises:
            RefusedError: It is too large, or there is too much of several.
        """
        length = headers.get("content-length", "")
        size = 0
        if length.isdecimal() and (len(length) > _MOST_DIGITS or int(length) > _LARGEST_BODY):
            raise _too_large()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            self._bytes += len(chunk)
            if size > _LARGEST_BODY:
                raise _too_large()
            if self._bytes > _MOST_BYTES:
                why = "The sandbox reads more at once already than it can hold. Send fewer large requests at a time."
                raise RefusedError(why, code="overloaded", status=503, kind="server_error", headers=_GOODBYE)
            if not message.get("more_body", False):
                return True

    async def _answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        number, started, status = scope["state"]["number"], time.perf_counter(), 0

        async def sign(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._journal.note(number, status=status)  # whoever has the answer may look here at once
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = f"req_sandbox_{number:06d}"
                headers["openai-processing-ms"] = str(round((time.perf_counter() - started) * 1000))
            await send(message)

        try:
            await app(scope, receive, sign)
        except Exception as error:
            # A server would cut the connection, and the client be none the wiser.
            if status:
                raise
            _log.exception("the sandbox failed to answer %s %s", scope["method"], quote(scope["path"]))
            why = f"The sandbox itself failed: {type(error).__name__}."
            await RefusedError(why, status=500, kind="server_error").response()(scope, receive, sign)
        finally:
            spent = time.perf_counter() - started
            self._journal.note(number, status=status or None, seconds=spent)
            noted = self._journal.get(number)
            outcome = " ".join(map(str, filter(None, (status or "unanswered", noted and noted.error))))
            fault = f", fault: {noted.fault}" if noted and noted.fault else ""
            # A path may hold what a terminal obeys.
            _log.info("%s %s %s in %.2f s%s", scope["method"], quote(scope["path"]), outcome, spent, fault)


def _replay(body: bytes, receive: Receive) -> Receive:
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay


def _too_large() -> RefusedError:
    message = f"The request is larger than {_LARGEST_BODY >> 20} MiB, the most that the sandbox reads."
    return RefusedError(message, code="request_too_large", status=413, headers=_GOODBYE)


def _without_secrets(headers: Headers) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in headers.items():
        shown = "[redacted]" if any(word in name for word in _SECRET_WORDS) else value
        kept[name] = f"{kept[name]}, {shown}" if name in kept else shown
    return kept
