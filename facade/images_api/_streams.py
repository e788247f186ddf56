"""The events of a call as a context manager and an iterator. Reading them is the way on through the response."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Self

import httpx

from ._http.exchange import achunks, chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator

    from ._calls import Call
    from ._events import StreamEvent
    from ._results import HTTPInfo, ImagesResult

import_module("images_api._responses.events")  # while files can be opened, and nothing is paid for yet


class ImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection.

    Without `with`, the call begins with the first event, and the connection is closed after the last.
    """

    def __init__(self, send: Callable[[], Call]) -> None:
        self._send = send
        self._call: Call | None = None
        self._events = self._iterate()

    @property
    def http(self) -> HTTPInfo:
        """Return status, headers, request id and rate limits of the response, for which the call is begun."""
        return self._begun().http

    def __enter__(self) -> Self:
        self._begun()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self._begun().response.close()

    def __iter__(self) -> Iterator[StreamEvent]:
        return self._events

    def result(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        for _ in self._events:
            pass
        return self._reader.result()

    def _begun(self) -> Call:
        if self._call is None:
            self._call = self._send()
            self._reader = self._call.events()
        return self._call

    def _iterate(self) -> Generator[StreamEvent]:
        response, cause = self._begun().response, None
        try:
            try:
                for chunk in chunks(response):
                    yield from self._reader.feed(chunk)
            except httpx.HTTPError as error:
                cause = error
            yield from self._reader.finish(cause)
        finally:
            response.close()


class AsyncImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection.

    Without `async with`, the call begins with the first event, and the connection is closed after the last.
    """

    def __init__(self, send: Callable[[], Awaitable[Call]]) -> None:
        self._send = send
        self._call: Call | None = None
        self._events = self._iterate()

    @property
    def http(self) -> HTTPInfo:
        """Return status, headers, request id and rate limits of the response, once the call has begun."""
        return self._reader.http

    async def __aenter__(self) -> Self:
        await self._begun()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._events.aclose()
        await (await self._begun()).response.aclose()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self._events

    async def aresult(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        async for _ in self._events:
            pass
        return self._reader.result()

    async def _begun(self) -> Call:
        if self._call is None:
            self._call = await self._send()
            self._reader = self._call.events()
        return self._call

    async def _iterate(self) -> AsyncGenerator[StreamEvent]:
        response, cause = (await self._begun()).response, None
        try:
            try:
                async for chunk in achunks(response):
                    for event in self._reader.feed(chunk):
                        yield event
            except httpx.HTTPError as error:
                cause = error
            for event in self._reader.finish(cause):
                yield event
        finally:
            await response.aclose()
