"""A proxy that leads each public host to a sandbox of its own, over TLS as well, so that code runs as it stands in the docs."""

from __future__ import annotations

import re
import selectors
import socket
import socketserver
import ssl
from contextlib import ExitStack, suppress
from fnmatch import fnmatch
from threading import Lock, Thread
from typing import TYPE_CHECKING, Self

import trustme

from images_api.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

# The hosts that the documentation names, and whose ways a sandbox has there.
DIALECTS = {
    "api.openai.com": None,
    "*.openai.azure.com": "azure",
    "api.minimax.io": "minimax",
    "api.siliconflow.cn": "siliconflow",
    "api.together.xyz": "together",
    "api.x.ai": "xai",
    "gpu-box": None,
    "litellm.example.com": "litellm",
    "openrouter.ai": "openrouter",
}
_LONGEST_HEAD = 256 << 10
_CHUNK = 256 << 10


class Routing:
    """A proxy for http and https, a context manager; whoever is sent by it reaches sandboxes instead of hosts.

    Args:
        folder: Where the certificate of its authority is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._certificates = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self._certificates)
        self._dialects = dict(DIALECTS)
        self._sandboxes: dict[str, Sandbox] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = Lock()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        routing = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with suppress(OSError):  # whoever asked went away
                    routing._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = self._stack.enter_context(Server(("127.0.0.1", 0), Handler))
        thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(self._server.shutdown)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that lead a process here: httpx, the official SDK, requests, curl."""
        proxy = f"http://127.0.0.1:{self._server.server_address[1]}"
        certificates = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        proxies = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")
        return {**dict.fromkeys(proxies, proxy), **dict.fromkeys(certificates, str(self._certificates))}

    def lead(self, host: str, dialect: str) -> None:
        """Let a host have the ways of a dialect from now on.

        Args:
            host: Its name, whatever its port.
            dialect: The dialect.
        """
        with self._lock:
            self._dialects[host] = dialect
            self._sandboxes.pop(host, None)

    def sandbox(self, host: str = "api.openai.com") -> Sandbox:
        """Return the sandbox behind a host, which starts once somebody asks for it.

        Args:
            host: Its name; a port after it makes no difference.

        Raises:
            LookupError: The documentation has no such host.
        """
        host = host.partition(":")[0]
        with self._lock:
            if host not in self._sandboxes:
                try:
                    dialect = next(way for pattern, way in self._dialects.items() if fnmatch(host, pattern))
                except StopIteration:
                    raise LookupError(f"{host} leads to no sandbox: tests/support/routing.py lists those that do") from None
                self._sandboxes[host] = self._stack.enter_context(Sandbox(dialect=dialect, allowed_hosts=[host]))
            return self._sandboxes[host]

    def _serve(self, client: socket.socket) -> None:
        head, rest = _head(client)
        if head.startswith(b"CONNECT "):
            host = head.split(b" ")[1].rpartition(b":")[0].decode()
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            with self._context(host).wrap_socket(client, server_side=True) as secured:
                self._forward(secured, host, "https", *_head(secured))
        else:
            # A proxy is asked for a URL, a server for a path.
            found = re.match(rb"(\w+ )http://([^/ ]+)", head)
            if found:
                host = found[2].decode().rpartition(":")[0] or found[2].decode()
                self._forward(client, host, "http", found[1] + head[found.end() :], rest)

    def _context(self, host: str) -> ssl.SSLContext:
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(self._contexts[host])
            return self._contexts[host]

    def _forward(self, client: socket.socket, host: str, scheme: str, head: bytes, rest: bytes) -> None:
        """Send one request on and its response back; the connection ends with it."""
        line, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        kept = [each for each in headers if not each.lower().startswith((b"connection:", b"proxy-"))]
        added = [b"Connection: close", f"X-Forwarded-Proto: {scheme}".encode()]
        _, _, port = self.sandbox(host).base_url.partition("//")[2].partition("/")[0].partition(":")
        with socket.create_connection(("127.0.0.1", int(port))) as server:
            server.sendall(b"\r\n".join([line, *kept, *added]) + b"\r\n\r\n" + rest)
            with selectors.DefaultSelector() as selector:
                selector.register(client, selectors.EVENT_READ, server)
                selector.register(server, selectors.EVENT_READ, client)
                while True:
                    for key, _ in selector.select():
                        source = key.fileobj
                        assert isinstance(source, socket.socket)
                        chunk = source.recv(_CHUNK)
                        # What TLS has taken from the system already, no selector tells.
                        while isinstance(source, ssl.SSLSocket) and source.pending():
                            chunk += source.recv(_CHUNK)
                        if not chunk:
                            return
                        key.data.sendall(chunk)


def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return the head of a request, and what came after it."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(_CHUNK)
        if not chunk or len(received) > _LONGEST_HEAD:
            raise ConnectionError("no request")
        received += chunk
    end = received.index(b"\r\n\r\n") + 4
    return received[:end], received[end:]
