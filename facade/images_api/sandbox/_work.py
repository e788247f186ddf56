"""Drawing and decoding, in threads of our own: what takes a while must not hold up the event loop, nor a stop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_T = TypeVar("_T")
# Each may hold some images of many megapixels.
_MOST_THREADS = 4


class StoppedError(RefusedError):
    """The server stops, and nothing is drawn any more."""

    def __init__(self) -> None:
        super().__init__("The sandbox is stopping.", code="stopping", status=503, kind="server_error")


class Workers:
    """Threads that draw and decode, until they are stopped."""

    def __init__(self) -> None:
        self._jobs: set[Future[Any]] = set()
        self._pool: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Let work be taken."""
        self._pool = ThreadPoolExecutor(min(_MOST_THREADS, cpu_count() or 1), thread_name_prefix="images-sandbox")

    def stop(self) -> None:
        """Drop what was not begun, and wait for no more than idle threads to end."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=not any(job.running() for job in self._jobs), cancel_futures=True)

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Return what a function returns.

        Raises:
            StoppedError: The workers were stopped before it began.
        """
        pool = self._pool
        if pool is None:
            raise StoppedError
        job = pool.submit(work, *args, **kwargs)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if self._pool is not pool and job.cancelled():
                raise StoppedError from None
            raise
