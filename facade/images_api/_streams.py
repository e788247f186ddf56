"""The events of a call as a context manager and an iterator. Reading them is the way on through the response."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from ._http.exchange import FAULTS, at_once

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from ._calls import Call
    from ._events import StreamEvent
    from ._results import HTTPInfo, ImagesResult

import_module("images_api._responses.result")  # while files can be opened, and nothing is paid for yet


class _Stream:
    """What both streams are made of; without an event loop, nothing in it waits for one."""

    def __init__(self, send: Callable[[], Coroutine[Any, Any, Call]]) -> None:
        # The iterator holds the call and not the stream, so that both end when the app drops the stream.
        self._begun = _Once(send)
        self._events = _events(self._begun)

    async def _close(self) -> None:
        await self._events.aclose()
        call = await self._begun()
        await call.pool.close(call.response)

    async def _result(self) -> ImagesResult:
        async for _ in self._events:
            pass
        return self._begun.call.events.result()


class ImageStream(_Stream):
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection.

    Without `with`, the call begins with the first event, and the connection is closed after the last, or with the stream.
    """

    @property
    def http(self) -> HTTPInfo:
        """Return status, headers, request id and rate limits of the response, for which the call is begun."""
        return at_once(self._begun()).http

    def __enter__(self) -> Self:
        at_once(self._begun())
        return self

    def __exit__(self, *_: object) -> None:
        at_once(self._close())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamEvent:
        try:
            return at_once(anext(self._events))
        except StopAsyncIteration:
            raise StopIteration from None

    def result(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        return at_once(self._result())


class AsyncImageStream(_Stream):
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection.

    Without `async with`, the call begins with the first event, and the connection is closed after the last, or with the stream.
    """

    @property
    def http(self) -> HTTPInfo:
        """Return status, headers, request id and rate limits of the response, once the call has begun."""
        return self._begun.call.http

    async def __aenter__(self) -> Self:
        await self._begun()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        return await anext(self._events)

    async def aresult(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        return await self._result()


class _Once:
    """Begins a call at the first use."""

    call: Call

    def __init__(self, send: Callable[[], Coroutine[Any, Any, Call]]) -> None:
        self._send = send

    async def __call__(self) -> Call:
        if "call" not in vars(self):
            self.call = await self._send()
        return self.call


async def _events(begun: _Once) -> AsyncGenerator[StreamEvent]:
    call, cause = await begun(), None
    try:
        try:
            async for chunk in call.pool.chunks(call.response):
                call.deadline.pause()
                for event in call.events.feed(chunk):
                    yield event
                call.deadline.go_on()
        except FAULTS as error:
            cause = error
        for event in call.events.finish(cause):
            yield event
    finally:
        await call.pool.close(call.response)
