"""The sandbox as a server in a thread of this process."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from images_api._secrets import concealed

from ._app import create_app
from ._dialects import dialect
from ._faults import Fault, Faults
from ._guard import is_this_machine
from ._journal import Journal, ReceivedRequest
from ._rates import RateLimit
from ._settings import LOOPBACK, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

_BACKLOG = 2048
_LONGEST_HEAD = 64 << 10
# The application itself ends what is still answered, long before that.
_GRACE = 5
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104  recognised, not listened on


class Sandbox:
    """Serve the Images API on this machine, with real placeholder images, for nothing.

    A context manager, for `with` and `async with`; after it the same object may be started again. It fetches nothing from
    anywhere.

    Args:
        port: Where to listen. 0 lets the system pick a free port.
        host: The address to listen on. Any other than this machine's own lets others in, and gives a warning.
        api_key: The only key that is let in. None lets everyone in.
        latency: Seconds from 0 that pass before an accepted request is answered; a stream spreads them.
        any_model: Whether models that the contract doesn't list are taken too; each then takes whatever it is told.
        dialect: The compatible server to answer like, such as `localai`; None for the API's own ways.
        allowed_hosts: The names that requests may come under besides those of this machine.
        cors: The origins of web pages that may ask, such as `http://localhost:5173`; `*` for all.
        url_lifetime: Seconds from 0 for which the link to an image is good.
        requests_per_minute: How many requests from 1 are answered in a minute, the others being refused with 429; None for all.
        faults: How likely each fault is, from 0 to 1, by what it is called; see `fail_next`.
        seed: What the faults that come by chance follow, so that they come again in the same order; None for any.

    Raises:
        ValueError: An argument is out of its range, or there is no such dialect or fault.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = LOOPBACK,
        api_key: str | None = None,
        latency: float = Settings.latency,
        any_model: bool = False,
        dialect: str | None = None,
        allowed_hosts: Sequence[str] = (),
        cors: Sequence[str] = (),
        url_lifetime: float = Settings.url_lifetime,
        requests_per_minute: int | None = None,
        faults: Mapping[str, float] | None = None,
        seed: int | None = None,
    ) -> None:
        api_key = concealed(api_key)  # what a display of this frame's variables would show
        if not is_this_machine(host):
            message = f"the sandbox listens on {host}, where others than this machine may reach it"
            warnings.warn(message, stacklevel=2)
        self._port = port
        self._host = host
        self._settings = Settings(
            api_key=api_key,
            latency=latency,
            any_model=any_model,
            dialect=dialect,
            allowed_hosts=[*allowed_hosts, host],
            cors=cors,
            url_lifetime=url_lifetime,
            requests_per_minute=requests_per_minute,
            faults=faults or {},
            seed=seed,
        )
        self._journal = Journal()
        self._faults = Faults(self._settings.faults, seed)
        self._rate_limit = RateLimit(requests_per_minute)
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
        host = LOOPBACK if self._host in _WILDCARDS else self._host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._address[1]}{dialect(self._settings.dialect).base}"

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Return the newest requests, the last one last: up to 1000 of them, and 64 MiB.

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
        """Forget the requests, the images counted, the faults armed and the rate so far; links in earlier responses stay good."""
        self._journal.clear()
        self._faults.clear()
        self._rate_limit.clear()

    def fail_next(
        self,
        kind: str | None = None,
        *,
        times: int = 1,
        status: int | None = None,
        code: str | None = None,
        message: str | None = None,
        retry_after: float | str | datetime | None = None,
        retry_after_ms: float | str | None = None,
        should_retry: bool | str | None = None,
        seconds: float | None = None,
        at: float | None = None,
        to: str | None = None,
        billed: bool | None = None,
    ) -> None:
        """Let the next requests fail: those for an operation that would be answered otherwise, each in its turn.

        A request that is refused for what is wrong with it doesn't use a fault up, nor does one that the fault doesn't fit,
        such as a fault of streams a plain call: it waits for the next that it fits, and lets those behind it pass. An image that
        was made counts in `pictures_made`, whatever the fault does to it; one that was refused before doesn't.

        Args:
            kind: The fault's name, such as `cut body`, or all of it, such as `429; retry-after=1`: those that
                `python -m images_api.sandbox --help` lists. None for a status.
            times: How many requests are to fail, from 1. At most 1000 faults are armed at once.
            status: The answer's status, from 300 to 599.
            code: The error's short name, such as `insufficient_quota`.
            message: The error's message.
            retry_after: The header `Retry-After`: seconds, a time, or any text as it is.
            retry_after_ms: The header `retry-after-ms`: milliseconds, or any text as it is.
            should_retry: The header `x-should-retry`.
            seconds: How long it takes, from 0 to 3600.
            at: How much of the body comes, from 0 to 1; of a stream, of its first finished image's event; of an image, of its
                bytes.
            to: Where a redirect leads.
            billed: Whether images are made, and counted, before a fault takes the answer's place: unless said, not for a
                status, a page, a redirect and an error, but for all others.

        Raises:
            ValueError: There is no such fault, it knows no such option, or a value is out of its range.
        """
        fault = Fault.parse(
            ("status" if status is not None else "") if kind is None else kind,
            status=status,
            code=code,
            message=message,
            retry_after=retry_after,
            retry_after_ms=retry_after_ms,
            should_retry=should_retry,
            seconds=seconds,
            at=at,
            to=to,
            billed=billed,
        )
        self._faults.arm(fault, times)

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
        app = create_app(
            self._settings, journal=self._journal, faults=self._faults, rate_limit=self._rate_limit, closing=self._closing
        )
        listener = _listen(self._host, self._port)
        config = uvicorn.Config(
            app,
            # The application's own handlers decide what is logged, and where.
            log_config=None,
            access_log=False,
            lifespan="on",
            loop="asyncio",
            http=_Protocol,
            ws="none",
            server_header=False,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
            timeout_graceful_shutdown=_GRACE,
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
        """Stop within a second: without waiting out any latency, and cutting what isn't answered by then."""
        self._closing.set()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._server = self._thread = self._address = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)


class _Protocol(H11Protocol):
    """Lets a request's answer have its connection, to break it."""

    def connection_made(self, transport: Any) -> None:
        """Take a connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off, which costs 40 ms a request.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
