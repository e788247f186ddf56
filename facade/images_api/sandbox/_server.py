"""The sandbox as a server in a thread of this process."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

import uvicorn

from ._app import create_app
from ._journal import Journal, ReceivedRequest

if TYPE_CHECKING:
    from types import TracebackType

_HOST = "127.0.0.1"
_BACKLOG = 2048


class Sandbox:
    """Serve the Images API on this machine, with real placeholder images, for nothing.

    A context manager; after it the same object may be started again. It answers on 127.0.0.1 only,
    and fetches nothing from anywhere.

    Args:
        port: Where to listen. 0 lets the system pick a free port.
        api_key: The only key that is let in. None lets everyone in.
        latency: Seconds that pass before an accepted request is answered.
    """

    def __init__(self, *, port: int = 0, api_key: str | None = None, latency: float = 0.0) -> None:
        self._port = port
        self._api_key = api_key
        self._latency = latency
        self._journal = Journal()
        self._closing = threading.Event()
        self._address: tuple[str, int] | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """Return the base URL for clients, ending in /v1.

        Raises:
            RuntimeError: The sandbox isn't running.
        """
        if self._address is None:
            raise RuntimeError("the sandbox isn't running: use it in a `with`, or call start()")
        return f"http://{self._address[0]}:{self._address[1]}/v1"

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Return the newest requests, the last one last: up to 1000 of them, and 256 MiB.

        A request is there once its body has come in whole, before it is answered.
        """
        return self._journal.requests

    @property
    def pictures_made(self) -> int:
        """Return how many images were asked for in requests that were accepted.

        An image counts from the moment its request is accepted, for that is when it would cost
        money, even if nobody waits for the answer. Unfinished images of a stream don't count.
        """
        return self._journal.images

    def clear(self) -> None:
        """Forget the requests and the count of images. Addresses in earlier responses stay good."""
        self._journal.clear()

    def start(self) -> Self:
        """Start to serve, and return once connections are accepted.

        Returns:
            This object.

        Raises:
            RuntimeError: It is running already, or could not start.
            OSError: The port is taken.
        """
        if self._thread is not None:
            raise RuntimeError("the sandbox is running already")
        self._closing.clear()
        app = create_app(api_key=self._api_key, latency=self._latency, journal=self._journal, closing=self._closing)
        listener = _listen(self._port)
        config = uvicorn.Config(
            app,
            # The application's own handlers decide what is logged, and where.
            log_config=None,
            access_log=False,
            lifespan="on",
            loop="asyncio",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="images-sandbox", daemon=True)
        self._address = listener.getsockname()
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                listener.close()
                self.stop()
                raise RuntimeError("the sandbox could not start; its log says why")
            time.sleep(0.002)
        return self

    def stop(self) -> None:
        """Finish what is being answered, without waiting out any latency, and stop."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._server = self._thread = self._address = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio turns Nagle's algorithm off, which costs 40 ms a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
