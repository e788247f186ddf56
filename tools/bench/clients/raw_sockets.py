"""No client at all: bytes over a socket, and nothing made of them. No client can do with less."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tools.bench.clients.request import KEY, MODEL, PROMPT, SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import RawIOBase
    from pathlib import Path

_PIECE = 1 << 18
_REQUEST: dict[str, object] = {"prompt": PROMPT, "model": MODEL, "size": SIZE}
_LAST_CHUNK = b"0\r\n\r\n"


class Client:
    """For threads."""

    def __init__(self, base_url: str) -> None:
        url = urlsplit(base_url)
        self._socket = socket.create_connection((url.hostname, url.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._path = url.path
        self._space = bytearray(_PIECE)

    def call(self) -> int:
        return self._post("generations", _REQUEST)

    def save(self, folder: Path) -> None:
        with (folder / "reply.json").open("wb", buffering=0) as file:
            self._post("generations", _REQUEST, file)

    def edit(self, paths: Sequence[Path]) -> int:
        self._send_head("edits", sum(path.stat().st_size for path in paths))
        for path in paths:
            with path.open("rb") as file:
                self._socket.sendfile(file)
        return self._receive()

    def watch(self, partial_images: int) -> int:
        return self._post("generations", _REQUEST | {"stream": True, "partial_images": partial_images})

    def _post(self, operation: str, request: dict[str, object], file: RawIOBase | None = None) -> int:
        body = json.dumps(request).encode()
        self._send_head(operation, len(body), body)
        return self._receive(file)

    def _send_head(self, operation: str, length: int, body: bytes = b"") -> None:
        lines = (f"POST {self._path}/images/{operation} HTTP/1.1", "Host: bench", f"Authorization: Bearer {KEY}")
        self._socket.sendall("\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode() + body)

    def _receive(self, file: RawIOBase | None = None) -> int:
        """Read a reply, and return how long its body is, in the framing it comes in."""
        view = memoryview(self._space)
        received = self._socket.recv_into(view)
        head, _, begin = bytes(view[:received]).partition(b"\r\n\r\n")
        framing = head.rpartition(b"\r\n")[2]
        length = None if b"chunked" in framing else int(framing.removeprefix(b"Content-Length: "))
        body, end = len(begin), begin[-len(_LAST_CHUNK) :]
        if file:
            file.write(begin)
        while end != _LAST_CHUNK if length is None else body < length:
            received = self._socket.recv_into(view)
            if not received:
                raise ConnectionError("the server left")
            body += received
            end = (end + bytes(view[max(0, received - len(_LAST_CHUNK)) : received]))[-len(_LAST_CHUNK) :]
            if file:
                file.write(view[:received])
        return body
