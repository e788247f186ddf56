"""A server on a real socket that answers as it was told, and notes each request down as it came."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest
from sockets import reset_when_closed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from types import TracebackType


@dataclass(frozen=True)
class Reply:
    """What to answer. A header of None isn't sent, Content-Length included; other kinds of end stand in `end`."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str | None] = field(default_factory=dict)
    # `reset` answers nothing, `cut` breaks off after the body, `endless` repeats the body until nobody listens.
    end: str = ""


@dataclass(frozen=True)
class Heard:
    """A request as it came in; its target is that of the request line, byte for byte."""

    method: str
    target: str
    headers: Message
    body: bytes = field(repr=False)


class FileServer:
    """Answer each path with the replies that were set for it, the last one again and again; a proxy for whom it may concern."""

    def __init__(self) -> None:
        self.requests: list[Heard] = []
        self.replies: dict[str, list[Reply]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_OwnHandler", (_Handler,), {"owner": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, *replies: Reply) -> str:
        """Set what a path, or a whole URL when this is the proxy, is answered with; return its URL."""
        self.replies[path] = list(replies)
        return self.url + path

    def answer_calls(self, *entries: Mapping[str, Any], headers: Mapping[str, str] | None = None, **fields: Any) -> None:
        """Set what the three operations under /v1 are answered with."""
        body = json.dumps({"data": entries, **fields}).encode()
        for operation in ("generations", "edits", "variations"):
            self.answer(f"/v1/images/{operation}", Reply(body, headers={"Content-Type": "application/json", **(headers or {})}))

    def heard(self, method: str) -> list[Heard]:
        return [request for request in self.requests if request.method == method]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        pass

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        # One request a connection, so that nothing is left open when a test ends.
        self.close_connection = True
        method, target, _ = self.raw_requestline.decode("latin-1").split(" ", 2)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.owner.requests.append(Heard(method, target, self.headers, body))
        replies = self.owner.replies.get(target.partition("?")[0], [Reply(status=404)])
        self._send(replies.pop(0) if len(replies) > 1 else replies[0])

    def _send(self, reply: Reply) -> None:
        if reply.end == "reset":
            reset_when_closed(self.connection)
            socket.close(self.connection.detach())
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), "Connection": "close", **reply.headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(reply.body)
            while reply.end == "endless":
                self.wfile.write(reply.body)
        except OSError:
            pass  # the client has had enough


@pytest.fixture(name="served")
def served_fixture() -> Iterator[FileServer]:
    """A server that clients may call, and fetch from."""
    with FileServer() as server:
        yield server


@pytest.fixture(name="elsewhere")
def elsewhere_fixture() -> Iterator[FileServer]:
    """A server of another origin."""
    with FileServer() as server:
        yield server


@pytest.fixture(name="dead_port")
def dead_port_fixture() -> Iterator[int]:
    """A port on which nobody listens; it is held, so that nobody will."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])
