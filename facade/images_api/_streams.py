"""The events of a call as a context manager and an iterator: reading them is the way on through the response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from ._http.exchange import FAULTS
from ._http.pools import at_once

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from ._calls import Call
    from ._events import StreamEvent
    from ._results import HTTPInfo, ImagesResult


class _Stream:
    """What both streams are made of; without an event loop, nothing in it waits for one."""

    _call: Call

    def __init__(self, send: Callable[[], Coroutine[Any, Any, Call]]) -> None:
        self._steps = _steps(send)

    async def _begun(self) -> Call:
        if "_call" not in vars(self):
            self._call = await anext(self._steps)
        return self._call

    async def _next(self) -> StreamEvent:
        await self._begun()
        event: StreamEvent = await anext(self._steps)
        return event

    async def _result(self) -> ImagesResult:
        call = await self._begun()
        async for _ in self._steps:
            pass
        return call.events.result()


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
        at_once(self._steps.aclose())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamEvent:
        try:
            return at_once(self._next())
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
        return self._call.http

    async def __aenter__(self) -> Self:
        await self._begun()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._steps.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        return await self._next()

    async def aresult(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        return await self._result()


async def _steps(send: Callable[[], Coroutine[Any, Any, Call]]) -> AsyncGenerator[Any]:
    """Yield the call, once it has begun, and then its events; this and not the stream holds it, so that both end together."""
    call, cause = await send(), None
    try:
        yield call
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
