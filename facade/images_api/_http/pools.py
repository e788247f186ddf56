"""Connections for many calls at once, by what they belong to: a process, or an event loop."""

import os
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Generic, TypeVar, cast
from weakref import WeakSet

import httpx

from images_api._errors import ImagesAPIError
from images_api._problems import refused
from images_api._secrets import conceal_headers

from .codings import Decoder

Done = TypeVar("Done")
HTTPClient = TypeVar("HTTPClient", bound=httpx.Client | httpx.AsyncClient)

# Of each pool: httpcore looks at every connection for every other one, whenever a request begins or ends
# (https://github.com/encode/httpcore/blob/1.0.9/httpcore/_async/connection_pool.py, `_assign_requests_to_connections`).
CALLS_EACH = 10

_CHUNK = 1 << 16


class Bound(float):
    """The timeout of one read that knows when all of them must have ended."""

    deadline: Any

    def now(self) -> float:
        """Return the seconds that it may take.

        Raises:
            httpx.ReadTimeout: None are left.
        """
        left: float = self.deadline.left
        if left <= 0:
            raise httpx.ReadTimeout("the whole call takes too long")
        return min(self, left)


class Pool(Generic[HTTPClient]):
    """An httpx client, and how many calls it has to do just now.

    Attributes:
        client: The httpx client.
        calls: How many calls it has to do.
        is_async: Whether it belongs to an event loop.
        end: Is set when what it still does is to end.
    """

    def __init__(self, client: HTTPClient) -> None:
        self.client, self.calls = client, 0
        self.is_async = isinstance(client, httpx.AsyncClient)
        self.end: Any = import_module("asyncio").Event() if self.is_async else threading.Event()
        self._streams: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()

    def watch(self, stream: Any) -> None:
        """Take note of a new connection, as httpcore has it, and cut each read from it to what is left then.

        httpcore asks for a timeout once for all reads of a phase.
        """
        read, write = stream.read, stream.write

        def bounded_read(max_bytes: int, timeout: float | None = None) -> Any:
            return read(max_bytes, timeout.now() if isinstance(timeout, Bound) else timeout)

        async def write_by_and_by(buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  the name is httpcore's
            for start in range(0, len(buffer), _CHUNK):
                await write(buffer[start : start + _CHUNK], timeout)

        stream.read = bounded_read
        if self.is_async:  # whose timeout is for all of a chunk, however fast it goes out
            stream.write = write_by_and_by
        with self._lock:
            self._streams.add(stream)

    def complete(self, request: httpx.Request) -> None:
        """Add the headers and cookies that the client would have given a request that it built itself.

        A content coding isn't asked for: images don't shrink.
        """
        for name, value in conceal_headers(self.client.headers).items():
            if name != "accept-encoding":
                request.headers.setdefault(name, value)
        self.client.cookies.set_cookie_header(request)

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request, and return its response before the body; without an event loop, none is waited for."""
        sent: Any = self.client.send(request, stream=True, **options)
        return cast("httpx.Response", await sent if self.is_async else sent)

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
        if seconds and not self.is_async:
            self.end.wait(seconds)
        elif seconds > 0:
            from asyncio import wait_for

            with suppress(TimeoutError):
                await wait_for(self.end.wait(), seconds)

    def stop(self) -> None:
        """End what it does, whichever thread waits for it: that another one closes a socket wakes nobody."""
        self.end.set()
        with self._lock:
            for stream in () if self.is_async else self._streams:
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
            raise refused("http_client", borrowed, f"must be an open {kind.__module__}.{kind.__name__}")
        self.kind, self.borrowed = kind, borrowed
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

    async def close(self) -> None:
        """End all calls, and close the httpx clients that were made for this owner; a later use makes new ones."""
        with self._lock:
            pools = self._pools.pop(self.owner(), ())
        for pool in pools:
            pool.stop()
            await pool.client.aclose() if isinstance(pool.client, httpx.AsyncClient) else pool.client.close()

    def _taken(self) -> Pool[HTTPClient]:
        owner = self.owner()
        if self.borrowed is not None:
            is_foreign = self._borrowed_by not in {None, owner}
            if is_foreign or self.borrowed.is_closed:
                why = "was used in another event loop or process, to which its connections belong" if is_foreign else "is closed"
                raise refused("http_client", self.borrowed, why)
            self._borrowed_by = owner
            return Pool(self.borrowed)
        with self._lock:
            pools = self._pools.setdefault(owner, [])
            pool = next((pool for pool in pools if pool.calls < CALLS_EACH), None)
            if pool is None:
                from .routes import Route

                self._pools = {each: pools for each, pools in self._pools.items() if not _has_ended(each)}
                transport = httpx.AsyncHTTPTransport if self.is_async else httpx.HTTPTransport
                cookieless: Any = type(self.kind.__name__, (self.kind,), {"cookies": _NoCookies()})
                pool = Pool(cookieless(transport=Route(transport)))
                pools.append(pool)
            pool.calls += 1
            return pool


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none: no call sends any, and to look for them takes a tenth of one."""


def _has_ended(owner: Any) -> bool:
    return owner != os.getpid() if isinstance(owner, int) else owner.is_closed()


def running_loop() -> Any:
    """Return the event loop, to which the connections of an async client belong.

    Raises:
        InvalidRequestError: There is none of asyncio's.
    """
    from asyncio import get_running_loop

    try:
        return get_running_loop()
    except RuntimeError as error:
        why = "must be asyncio's: elsewhere, such as under trio, call an ImagesClient in a worker thread"
        raise refused("the event loop", None, why) from error


def at_once(work: Awaitable[Done]) -> Done:
    """Do what waits for no event loop, so that its first step is all of it, and return what comes of it."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)  # of a loop that happens to run, and would close a stream when it ends itself
    try:
        while True:
            next(work.__await__())
    except StopIteration as done:
        return cast("Done", done.value)
    finally:
        sys.set_asyncgen_hooks(*hooks)
