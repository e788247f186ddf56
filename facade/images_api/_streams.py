"""A call's events as a context manager, for `with` and for `async with`. Reading them is the way on through the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

import httpx

from ._responses.events import EventReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
    from types import TracebackType

    from ._http.downloads import Downloader
    from ._requests.request import Call
    from ._results import ImagesResult
    from ._calls import Reply
    from ._responses.events import StreamEvent

    class Send(Protocol):
        """Sends a call, and returns the reply before its body is read."""

        def __call__(self, call: Call, *, stream: bool) -> Reply: ...

    class AsyncSend(Protocol):
        """Likewise, asynchronously."""

        async def __call__(self, call: Call, *, stream: bool) -> Reply: ...


class ImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection."""

    def __init__(self, prepare: Callable[[], Call], send: Send, downloader: Downloader) -> None:
        self._prepare = prepare
        self._send = send
        self._downloader = downloader

    def __enter__(self) -> Self:
        with self._prepare() as call:
            reply = self._send(call, stream=True)
        self._response, self.http = reply.response, reply.http
        self._reader = _reader(reply, call, self._downloader)
        self._events = self._iterate()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._events.close()
        self._response.close()

    def __iter__(self) -> Iterator[StreamEvent]:
        return self._events

    def result(self) -> ImagesResult:
        """Return the finished pictures, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished picture.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        for _ in self._events:
            pass
        return self._reader.result()

    def _iterate(self) -> Generator[StreamEvent]:
        cause = None
        try:
            for chunk in self._response.iter_bytes():
                yield from self._reader.feed(chunk)
        except httpx.HTTPError as error:
            cause = error
        yield from self._reader.finish(cause)


class AsyncImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection."""

    def __init__(self, prepare: Callable[[], Call], send: AsyncSend, downloader: Downloader) -> None:
        self._prepare = prepare
        self._send = send
        self._downloader = downloader

    async def __aenter__(self) -> Self:
        from asyncio import to_thread

        with await to_thread(self._prepare) as call:
            reply = await self._send(call, stream=True)
        self._response, self.http = reply.response, reply.http
        self._reader = _reader(reply, call, self._downloader)
        self._events = self._iterate()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._events.aclose()
        await self._response.aclose()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self._events

    async def aresult(self) -> ImagesResult:
        """Return the finished pictures, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished picture.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        async for _ in self._events:
            pass
        return self._reader.result()

    async def _iterate(self) -> AsyncGenerator[StreamEvent]:
        cause = None
        try:
            async for chunk in self._response.aiter_bytes():
                for event in self._reader.feed(chunk):
                    yield event
        except httpx.HTTPError as error:
            cause = error
        for event in self._reader.finish(cause):
            yield event


def _reader(reply: Reply, call: Call, downloader: Downloader) -> EventReader:
    return EventReader(
        reply.http,
        reply.response.request.url,
        call.subject,
        downloader,
        call.pictures,
        content=reply.body.content,
        secrets=reply.secrets,
    )
