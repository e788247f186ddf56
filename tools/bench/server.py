"""A server that replies as fast as the kernel takes it, in a process of its own: python -m tools.bench.server.

It prints its port and serves until its standard input ends. The path says the reply: /json/10/20000000/v1/... is a reply of
10 pictures of 20 MB each, /events/4/1000000/v1/... an event stream of 3 unfinished pictures and the finished one. What a
request says is read and thrown away.
"""

import base64
import json
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from functools import cache
from itertools import chain

from tools.bench.pictures import make_picture

_PIECE = 1 << 18
# Linux throws away what comes without copying it: https://man7.org/linux/man-pages/man7/tcp.7.html
_DISCARD = socket.MSG_TRUNC if sys.platform == "linux" else 0


@cache
def _encoded(size: int) -> bytes:
    return base64.b64encode(make_picture(size))


def _json_reply(pictures: int, size: int) -> list[bytes]:
    entry = [b'{"b64_json":"', _encoded(size), b'"}']
    entries = chain.from_iterable([*entry, b","] for _ in range(pictures - 1))
    body = [b'{"created":1790000000,"data":[', *entries, *entry, b'],"output_format":"png","size":"1024x1024"}']
    return [_head("application/json", f"Content-Length: {sum(map(len, body))}"), *body]


def _event_reply(pictures: int, size: int) -> list[bytes]:
    names = ["image_generation.partial_image"] * (pictures - 1) + ["image_generation.completed"]
    about = {"created_at": 1790000000, "size": "1024x1024", "quality": "high", "background": "opaque", "output_format": "png"}
    events: list[bytes] = []
    for place, name in enumerate(names):
        fields = json.dumps({"type": name, **about, "partial_image_index": place, "b64_json": ""}).encode()
        event = [f"event: {name}\ndata: ".encode(), fields.removesuffix(b'"}'), _encoded(size), b'"}\n\n']
        events += [b"%x\r\n" % sum(map(len, event)), *event, b"\r\n"]
    return [_head("text/event-stream", "Transfer-Encoding: chunked"), *events, b"0\r\n\r\n"]


def _head(content_type: str, framing: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n".encode()


@cache
def _reply(kind: str, pictures: int, size: int) -> list[bytes]:
    """Return what is sent, in pieces: the same picture again and again takes no memory."""
    pieces = {"json": _json_reply, "events": _event_reply}[kind](pictures, size)
    # Small pieces in one go: a call to the kernel costs more than to copy them.
    return [b"".join(pieces)] if sum(map(len, pieces)) <= _PIECE else pieces


def _serve(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        try:
            for path in _requests(connection):
                _, kind, pictures, size, *_ = path.split("/")
                for piece in _reply(kind, int(pictures), int(size)):
                    connection.sendall(piece)
        except ConnectionError:
            pass  # a client may leave as it likes


def _requests(connection: socket.socket) -> Iterator[str]:
    """Yield the path of each request once its body is read."""
    space = bytearray(_PIECE)
    head = b""
    while True:
        while b"\r\n\r\n" not in head:
            length = connection.recv_into(space)
            if not length:
                return
            head += space[:length]
        lines, _, rest = head.partition(b"\r\n\r\n")
        request_line, *fields = lines.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in fields)
        left = int(headers["content-length"]) - len(rest)
        while left > 0:
            left -= connection.recv_into(space, min(left, _PIECE), _DISCARD)
        head = b""
        yield request_line.split(" ")[1]


def _accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def main() -> None:
    """Serve until the standard input ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a thousand connections at once
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
