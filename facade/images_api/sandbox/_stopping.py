"""Ends what is still answered when the server is to stop: what can be finished soon, is; the rest is cut."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncGenerator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from ._work import Workers

# In seconds: for what can be finished, and then for what can say that it won't be.
_GRACE, _LAST_WORDS = 0.3, 0.2
_TICK = 0.05


async def until_stopped(closing: threading.Event, seconds: float = inf) -> None:
    """Wait, but not for longer than the server runs.

    Args:
        closing: Is set, by any thread, when the server is to stop.
        seconds: How long to wait if it doesn't.
    """
    until = time.monotonic() + seconds
    # Another thread ends the wait, and can't set an asyncio.Event.
    while (left := until - time.monotonic()) > 0 and not closing.is_set():  # noqa: ASYNC110
        await asyncio.sleep(min(left, _TICK))


class Stopping:
    """Knows the requests that are answered just now.

    Args:
        closing: Is set, by any thread, when the server is to stop.
        workers: What draws for them.
    """

    def __init__(self, closing: threading.Event, workers: Workers) -> None:
        self._closing = closing
        self._workers = workers
        self._requests: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncGenerator[None]:
        """Watch for the stop, while a server runs."""
        self._workers.start()
        watching = asyncio.create_task(self._watch())
        yield
        watching.cancel()
        self._workers.stop()

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Return an application whose requests can be ended."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            task = asyncio.current_task()
            if scope["type"] != "http" or task is None:
                await app(scope, receive, send)
                return
            self._requests.add(task)
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                transport = scope.get("state", {}).get("transport")
                if not self._closing.is_set() or transport is None:
                    raise
                transport.abort()
                await asyncio.sleep(0)  # in which the server hears of it, and takes the answer for one that nobody waits for
            finally:
                self._requests.discard(task)

        return answer

    async def _watch(self) -> None:
        await until_stopped(self._closing)
        await self._wait(_GRACE)
        self._workers.stop()
        await self._wait(_LAST_WORDS)
        for request in self._requests:
            request.cancel()

    async def _wait(self, seconds: float) -> None:
        if self._requests:
            await asyncio.wait(self._requests, timeout=seconds)
