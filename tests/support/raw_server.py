"""A server on a real socket that plays scripts byte by byte: it stalls, breaks off, and notices when its client leaves.

As a program it serves one body to every POST, in a process of its own: `python raw_server.py FILE CONTENT-TYPE`.
"""

from __future__ import annotations

import select
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sockets import reset_when_closed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import BinaryIO


class Do(Enum):
    """What a script does beside sending bytes."""

    STALL = auto()  # sends nothing more until the client leaves
    CLOSE = auto()
    RESET = auto()


@dataclass(frozen=True)
class Heard:
    """A request, and the number of the connection it came by, from 0."""

    connection: int
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


def head(content_type: str = "text/event-stream", *, status: int = 200, **headers: str) -> bytes:
    """Return the head of a reply whose body comes in chunks."""
    given = {"Content-Type": content_type, "Transfer-Encoding": "chunked"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**given, **headers}.items()]
    return "\r\n".join([f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = chunk(b"")


def reply(body: bytes, content_type: str = "application/json", *, status: int = 200, **headers: str) -> list[bytes | Do]:
    """Return the script of a whole reply, after which the connection stays open."""
    return [head(content_type, status=status, **headers), chunk(body), END] if body else [head(content_type, status=status), END]


class RawServer:
    """Play the next script for each request, the last one again and again.

    Attributes:
        requests: What came in.
        asked: Set once there is a request.
        left: Set once a client has closed a connection.
    """

    def __init__(self, *scripts: Sequence[bytes | Do]) -> None:
        self.requests: list[Heard] = []
        self.asked = threading.Event()
        self.left = threading.Event()
        self._scripts = list(scripts)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._bell, self._ringer = socket.socketpair()
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"

    def plays(self, *scripts: Sequence[bytes | Do]) -> None:
        """Set what comes next."""
        self._scripts = list(scripts)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._ringer.send(b"!")
        self._threads.pop(0).join()
        for connection in self._connections:
            with suppress(OSError):  # it may be closed already
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, self._bell, self._ringer):
            each.close()

    def _accept(self) -> None:
        while True:
            waiting, _, _ = select.select([self._listener, self._bell], [], [])
            # Who has called before the test was over is listened to, even if the machine was too busy to do it at once.
            if self._listener not in waiting:
                return
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, len(self._connections) - 1))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as file:
            try:
                while (request := _read(file, number)) is not None:
                    with self._lock:
                        self.requests.append(request)
                        self.asked.set()
                        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                    for step in script:
                        if isinstance(step, bytes):
                            connection.sendall(step)
                        elif step is Do.STALL:
                            file.read(1)
                            self.left.set()
                            return
                        else:
                            if step is Do.RESET:
                                reset_when_closed(connection)
                            return
            except OSError:
                pass  # the client is gone
            self.left.set()


def _read(file: BinaryIO, number: int) -> Heard | None:
    request_line = file.readline().decode("latin-1").split(" ")
    if len(request_line) != 3:
        return None
    headers: dict[str, str] = {}
    while (line := file.readline().decode("latin-1").rstrip("\r\n")) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Heard(number, request_line[1], headers, file.read(int(headers.get("content-length", 0))))


def _main(path: str, content_type: str) -> None:
    with RawServer(reply(Path(path).read_bytes(), content_type)) as server:
        print(server.base_url, flush=True)  # noqa: T201  how the tests learn where it is
        sys.stdin.read()


if __name__ == "__main__":
    _main(*sys.argv[1:])
