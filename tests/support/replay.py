"""A server that answers what it is told to, byte for byte, and remembers what it was asked."""

from __future__ import annotations

import socketserver
import threading
from http.client import parse_headers
from typing import TYPE_CHECKING, NamedTuple, Self, cast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Replay(socketserver.ThreadingTCPServer):
    """Answers each request with the next of its answers, the last one again and again, and closes the connection.

    Attributes:
        asked: The requests so far.
        origin: Where it listens, without a path.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.asked: list[Asked] = []
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self._answers: list[bytes | None] = []
        # The default interval would make the end of each test half a second late.
        self._thread = threading.Thread(target=self.serve_forever, args=[0.01])

    def answer(self, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
        """Add an answer."""
        head = {"Content-Length": str(len(body)), "Connection": "close"} | dict(headers or {})
        lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        self.answer_raw("\r\n".join(lines).encode() + body)

    def answer_raw(self, answer: bytes | None) -> None:
        """Add an answer that need not be HTTP; None keeps the client waiting until it gives up."""
        self._answers.append(answer)

    def clear(self) -> None:
        """Forget the answers and the requests."""
        self.asked.clear()
        self._answers.clear()

    def take(self, asked: Asked) -> bytes | None:
        """Note a request, and return its answer."""
        self.asked.append(asked)
        return self._answers[min(len(self.asked), len(self._answers)) - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline().decode()
        if not line:  # the client gave up before it said anything
            return
        method, target, _ = line.split(" ")
        headers = {name.lower(): value for name, value in parse_headers(self.rfile).items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = cast("Replay", self.server).take(Asked(method, target, headers, body))
        if answer is None:
            self.rfile.read()
        else:
            self.wfile.write(answer)
