"""A server that makes an image of each prompt, at once or after a while, and counts how often it has made each: what was paid."""

from __future__ import annotations

import base64
import json
import random
import socketserver
import struct
import threading
import time
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType


def image_of(prompt: str, index: int = 0, size: int = 0) -> bytes:
    """Return a png of one pixel that holds a prompt, so that no two are alike, and as much more as makes it so large."""
    texts = _chunk(b"tEXt", b"Comment\0" + f"{prompt} {index}".encode("latin-1", "replace") + bytes(size))
    pixel = _chunk(b"IDAT", zlib.compress(b"\0\0\0\0"))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
        + texts
        + pixel
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


class CountingServer:
    """Serve on a socket of this machine, in threads.

    Args:
        latency: The seconds that an answer takes at most, after it is paid for.
        size: By how many bytes an image is larger than it need be.

    Attributes:
        made: How many images were made of each prompt.
        hold: While it isn't set, what is paid for isn't answered.
    """

    def __init__(self, latency: float = 0.0, size: int = 0) -> None:
        self.latency, self.size = latency, size
        self.made: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is its own
                pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # of a client that was killed

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Make what is asked for, count it, and answer."""
        body = handler.rfile.read(int(handler.headers["content-length"]))
        said: dict[str, Any] = json.loads(body)
        images = said.get("n", 1)
        with self.lock:
            self.made[said["prompt"]] += images
        self.hold.wait()
        time.sleep(random.uniform(0, self.latency))  # noqa: S311  a moment
        encoded = [base64.b64encode(image_of(said["prompt"], index, self.size)).decode() for index in range(images)]
        usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
        content = json.dumps({"created": 1, "data": [{"b64_json": each} for each in encoded], "usage": usage}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("x-request-id", f"req-{zlib.crc32(body)}")
        handler.end_headers()
        handler.wfile.write(content)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
