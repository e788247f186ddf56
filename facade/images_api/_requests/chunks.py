"""How files are read while they are sent: in large chunks, and in threads beside an event loop."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# What costs the least: smaller chunks are many, and of larger ones the socket takes only a part at once.
_CHUNK = 256 << 10
# Going to a thread and back takes longer than reading one.
_CHUNKS_AT_ONCE = 4


class LargeChunks:
    """A binary file that is read in large chunks, however small those are that are asked for: httpx asks for 64 KiB.

    Args:
        file: The file; all else is its own.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, _size: int = -1) -> bytes:
        """Return the next chunk; nothing at the end."""
        return self._file.read(_CHUNK)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class ReadInThread(httpx.AsyncByteStream):
    """A body with files in it for an event loop, which isn't held up by reading them.

    Args:
        body: The body as it is sent without an event loop.
    """

    def __init__(self, body: httpx.SyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from asyncio import to_thread

        chunks = iter(self._body)
        while several := await to_thread(list, islice(chunks, _CHUNKS_AT_ONCE)):
            for chunk in several:
                yield chunk
