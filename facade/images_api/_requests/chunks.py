"""How files are read beside an event loop: in threads, which a call that is cancelled waits for."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

Done = TypeVar("Done")

# Going to a thread and back takes longer than reading one.
_CHUNKS_AT_ONCE = 4
# A read that takes longer may never end, as a pipe's; in seconds.
_LONGEST_READ = 5.0


class OpenFiles(ExitStack):
    """The files of one request, to be closed with it.

    Attributes:
        given_up: Whether nobody waits for the request any more, and the rest needn't be read.
    """

    given_up = False


class ReadInThread(httpx.AsyncByteStream):
    """A body with files in it for an event loop, which isn't held up by reading them.

    Args:
        body: The body as it is sent without an event loop.
        files: Its files.
    """

    def __init__(self, body: httpx.SyncByteStream, files: OpenFiles) -> None:
        self._body = body
        self._files = files

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from asyncio import to_thread

        chunks = iter(self._body)
        while several := await finished(to_thread(list, islice(chunks, _CHUNKS_AT_ONCE)), self._files):
            for chunk in several:
                yield chunk


async def finished(work: Coroutine[Any, Any, Done], files: OpenFiles) -> Done:
    """Return what comes of reading files in a thread; a cancelled caller leaves once it has let go of them.

    Args:
        work: What is to be awaited.
        files: The files, which are given up then.
    """
    from asyncio import CancelledError, create_task, wait

    task = create_task(work)
    try:
        await wait([task])
    except CancelledError:
        files.given_up = True
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # which nobody wants to know of any more
        await wait([task], timeout=_LONGEST_READ)
        raise
    return task.result()
