"""A server on a raw socket that breaks off, falls silent or answers anything, byte for byte; and the two ways to call it."""

from __future__ import annotations

import asyncio
import json
import select
import socket
import threading
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pytest
from sockets import reset_when_closed

from images_api import AsyncImagesClient, ImagesClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from images_api import ImagesResult

JSON = {"Content-Type": "application/json"}
# Longer than any test takes, so that a client that never leaves fails its test instead of stopping all of them.
_PATIENCE = 20.0


@dataclass(frozen=True)
class Act:
    """What to do with one request.

    Attributes:
        reply: What to send, byte for byte.
        makes: How many pictures are made of a request that was read.
        body: The body of the reply, as it was meant.
        reads: Whether the request is read at all.
        piece: How many bytes are sent at once, with a pause after each; 0 for all.
        end: What becomes of the connection: `close`, `reset`, or `hang` until the client leaves.
    """

    reply: bytes = field(default=b"", repr=False)
    makes: int = 0
    body: bytes = field(default=b"", repr=False)
    reads: bool = True
    piece: int = 0
    end: str = "close"


@dataclass(frozen=True)
class Heard:
    """A request as it came in, its header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def pictures(*contents: bytes | str, **fields: Any) -> bytes:
    """Return a body with these pictures; a text stands for base64 as it is."""
    data = [{"b64_json": each if isinstance(each, str) else b64encode(each).decode()} for each in contents]
    return json.dumps({"created": 1, "data": data, **fields}).encode()


def answered(
    body: bytes = b"",
    status: int = 200,
    headers: Mapping[str, str] = JSON,
    *,
    makes: int = 1,
    missing: int = 0,
    chunked: bool = False,
    piece: int = 0,
) -> Act:
    """Return the answer of a server that did its work.

    Args:
        body: The body as it is meant.
        status: The status.
        headers: Beside the length and the connection's end.
        makes: How many pictures were made.
        missing: How many bytes at the end of the body never come, nor, of a chunked one, its last chunk.
        chunked: Whether the body goes in chunks instead of with its length.
        piece: As in `Act`.
    """
    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
    lines = [
        f"HTTP/1.1 {status} Whatever",
        *(f"{name}: {value}" for name, value in {"Connection": "close", **length, **headers}.items()),
    ]
    sent = body[: len(body) - missing]
    if chunked:
        middle = len(sent) // 2
        parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in (sent[:middle], sent[middle:]) if part]
        sent = b"".join(parts) + (b"" if missing else b"0\r\n\r\n")
    return Act("\r\n".join([*lines, "", ""]).encode("latin-1") + sent, makes, body, piece=piece)


def refused(status: int, body: bytes = b"{}", headers: Mapping[str, str] = JSON) -> Act:
    """Return the answer of a server that began nothing."""
    return answered(body, status, headers, makes=0)


class FaultyServer:
    """Play one act after another, a request each and the last one again and again; after a `with` block all is counted.

    Attributes:
        base_url: Where clients find it.
        tries: How many requests began to come in.
        heard: Those that were read to their end.
        pictures_made: How many pictures were made of them.
        is_heard: Set once the first request is read.
        is_left: Set once a client has left a connection that hung.
    """

    def __init__(self, *acts: Act, listens: bool = True) -> None:
        self.tries = 0
        self.heard: list[Heard] = []
        self.pictures_made = 0
        self.is_heard = threading.Event()
        self.is_left = threading.Event()
        self._acts = list(acts)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._bell, self._ringer = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        # Held but deaf, a port refuses connections.
        if listens:
            self.listen()

    def listen(self) -> None:
        self._listener.listen()
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with self._listener, self._bell, self._ringer:
            self._ringer.send(b"!")
            if self._thread.is_alive():
                self._thread.join()

    def _serve(self) -> None:
        while True:
            waiting, _, _ = select.select([self._listener, self._bell], [], [])
            # A request that is too many is counted before the bell is obeyed.
            if self._listener not in waiting:
                return
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                connection.settimeout(_PATIENCE)
                self._play(connection)

    def _play(self, connection: socket.socket) -> None:
        if not connection.recv(1, socket.MSG_PEEK):
            return
        self.tries += 1
        act = self._acts.pop(0) if len(self._acts) > 1 else self._acts[0]
        if act.reads:
            self.heard.append(_read(connection))
            self.pictures_made += act.makes
            self.is_heard.set()
        step = act.piece or len(act.reply) or 1
        for start in range(0, len(act.reply), step):
            connection.sendall(act.reply[start : start + step])
            time.sleep(0.005 if act.piece else 0)
        if act.end == "reset":
            reset_when_closed(connection)
        elif act.end == "hang":
            with suppress(ConnectionError):
                connection.recv(1)
            self.is_left.set()


def _read(connection: socket.socket) -> Heard:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _more(connection)
    method, target, _ = first.split(" ")
    return Heard(method, target, headers, body)


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 16)
    if not received:
        raise ConnectionAbortedError("the client left in the middle of its request")
    return received


def in_sync(action: Callable[[Any], Any], **settings: Any) -> ImagesResult:
    """Let a new client act, and return what comes of it."""
    with ImagesClient(**settings) as client:
        result: ImagesResult = action(client)
        return result


def in_async(action: Callable[[Any], Any], **settings: Any) -> ImagesResult:
    """Let a new async client act, in an event loop of its own, and return what comes of it."""

    async def act() -> ImagesResult:
        async with AsyncImagesClient(**settings) as client:
            result: ImagesResult = await action(client)
            return result

    return asyncio.run(act())


both_ways = pytest.mark.parametrize("run", [in_sync, in_async])
