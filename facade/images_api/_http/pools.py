"""Connections for many calls at once, by what they belong to: a process, or an event loop."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

import httpx

from images_api._errors import ImagesAPIError, InvalidRequestError, Problem

from .codings import Decoder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

HTTPClient = TypeVar("HTTPClient", bound=httpx.Client | httpx.AsyncClient)

# Of each pool: httpcore looks at every connection for every other one, whenever a request begins or ends
# (https://github.com/encode/httpcore/blob/1.0.9/httpcore/_async/connection_pool.py, `_assign_requests_to_connections`).
CALLS_EACH = 10
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=CALLS_EACH)


class Pool(Generic[HTTPClient]):
    """An httpx client, and how many calls it has to do just now.

    Attributes:
        client: The httpx client.
        is_borrowed: Whether it is the caller's own.
        calls: How many calls it has to do.
        is_async: Whether it belongs to an event loop.
        end: Is set when what it still does is to end.
    """

    def __init__(self, client: HTTPClient, *, is_borrowed: bool = False) -> None:
        self.client = client
        self.is_borrowed = is_borrowed
        self.calls = 0
        self.is_async = isinstance(client, httpx.AsyncClient)
        self.end: Any = import_module("asyncio").Event() if self.is_async else threading.Event()
        self._streams: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()

    def opened(self, stream: Any) -> None:
        """Take note of a new connection, as httpcore has it."""
        with self._lock:
            self._streams.add(stream)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request, and return its response before the body; without an event loop, none is waited for."""
        sent: Any = self.client.send(request, stream=True, **options)
        response: httpx.Response = await sent if self.is_async else sent
        return response

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes]:
        """Yield a response's body as it comes, without its content coding.

        Raises:
            httpx.HTTPError: The body broke off, or its coding is broken.
        """
        if response.is_stream_consumed:  # by a hook or a test's transport, which httpx has decoded it for
            yield response.content
            return
        decoder = Decoder(response.headers)
        raw: Any = response.aiter_raw() if self.is_async else response.iter_raw()
        while chunk := await anext(raw, b"") if self.is_async else next(raw, b""):
            for decoded in decoder.decode(chunk):
                yield decoded

    async def close(self, response: httpx.Response) -> None:
        """Close a response, read or not."""
        await response.aclose() if self.is_async else response.close()

    async def wait(self, seconds: float) -> None:
        """Let time pass, unless what it does is to end; without an event loop, none is waited for."""
        if not self.is_async:
            self.end.wait(seconds)
        elif seconds > 0:
            from asyncio import timeout

            with suppress(TimeoutError):
                async with timeout(seconds):
                    await self.end.wait()

    def stop(self) -> None:
        """End what it does, whichever thread waits for it: that another one closes a socket wakes nobody."""
        self.end.set()
        with self._lock:
            streams = () if self.is_async else tuple(self._streams)
        for stream in streams:
            with suppress(OSError):  # it is closed already
                # Not TLS's own, which takes from the waiting thread what it works with.
                socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)


class Connections(Generic[HTTPClient]):
    """The connections of one client: the caller's own httpx client, or as many as it takes for none to have many calls at once.

    One call after another always gets the first.

    Args:
        kind: The class of the httpx clients.
        borrowed: The caller's own, which is never closed here.

    Attributes:
        kind: As given.
        borrowed: As given.
        is_async: Whether the connections belong to event loops.
    """

    def __init__(self, kind: type[HTTPClient], borrowed: HTTPClient | None) -> None:
        if borrowed is not None and (not isinstance(borrowed, kind) or borrowed.is_closed):
            why = f"must be an open {kind.__module__}.{kind.__name__}"
            raise InvalidRequestError([Problem("http_client", borrowed, why)])
        self.kind = kind
        self.borrowed = borrowed
        self.is_async = kind is httpx.AsyncClient
        if self.is_async:
            import_module("concurrent.futures.thread")  # which asyncio imports for a thread, when files may be out of reach
        self._borrowed_by: object = None
        self._pools: dict[object, list[Pool[HTTPClient]]] = {}
        self._lock = threading.Lock()

    def owner(self) -> object:
        """Return what connections belong to: the running event loop; or the process, by its number, for all its threads.

        A fork that shares its parent's takes the other's answers.

        Raises:
            InvalidRequestError: They belong to event loops, and there is none of asyncio's.
        """
        return running_loop() if self.is_async else os.getpid()

    @contextmanager
    def pool(self) -> Generator[Pool[HTTPClient]]:
        """Give the pool for one call, or for one download."""
        pool = self._taken()
        try:
            yield pool
        except BaseException as error:
            # An interrupt may have left a lock of httpcore's taken for ever; under asyncio it has none.
            if not pool.is_async and not isinstance(error, ImagesAPIError):
                with suppress(ValueError):
                    self._pools.get(self.owner(), []).remove(pool)
            raise
        finally:
            with self._lock:
                pool.calls -= 1

    def clear(self) -> list[HTTPClient]:
        """End all calls, and return the httpx clients that were made for this owner, to be closed; a later use makes new ones."""
        pools = self._pools.pop(self.owner(), ())
        for pool in pools:
            pool.stop()
        return [pool.client for pool in pools]

    def _taken(self) -> Pool[HTTPClient]:
        owner = self.owner()
        if self.borrowed is not None:
            if self._borrowed_by not in {None, owner}:
                why = "was used in another event loop or process before, to which its connections belong"
                raise InvalidRequestError([Problem("http_client", self.borrowed, why)])
            if self.borrowed.is_closed:
                raise InvalidRequestError([Problem("http_client", self.borrowed, "is closed")])
            self._borrowed_by = owner
            return Pool(self.borrowed, is_borrowed=True)
        with self._lock:
            pools = self._pools.get(owner)
            if pools is None:
                self._pools = {each: pools for each, pools in self._pools.items() if not _has_ended(each)}
                pools = self._pools[owner] = []
            pool = next((pool for pool in pools if pool.calls < CALLS_EACH), None)
            if pool is None:
                from .routes import Route

                transport = httpx.AsyncHTTPTransport if self.is_async else httpx.HTTPTransport
                pool = Pool(self.kind(transport=Route(transport, limits=_LIMITS)))
                pools.append(pool)
            pool.calls += 1
            return pool


def _has_ended(owner: Any) -> bool:
    return owner != os.getpid() if isinstance(owner, int) else owner.is_closed()


def running_loop() -> object:
    """Return the event loop, to which the connections of an async client belong.

    Raises:
        InvalidRequestError: There is none of asyncio's.
    """
    from asyncio import get_running_loop

    try:
        return get_running_loop()
    except RuntimeError as error:
        why = "must be asyncio's: elsewhere, such as under trio, call an ImagesClient in a worker thread"
        raise InvalidRequestError([Problem("the event loop", None, why)]) from error
