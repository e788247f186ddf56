"""The events of a call as a context manager and an iterator. Reading them is the way on through the response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from ._http.exchange import FAULTS, achunks, chunks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from ._calls import Call
    from ._events import StreamEvent
    from ._responses.events import EventReader
    from ._results import HTTPInfo, ImagesResult


class _Begun:
    """A call once it has begun. A stream's iterator holds this and not the stream, so that both end when the app drops one."""

    call: Call | None = None
    reader: EventReader


class ImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection.

    Without `with`, the call begins with the first event, and the connection is closed after the last, or with the stream.
    """

    def __init__(self, send: Callable[[], Call]) -> None:
        self._send = send
        self._state = _Begun()
        self._events = _events(self._state, send)

    @property
    def http(self) -> HTTPInfo:
        """Return status, headers, request id and rate limits of the response, for which the call is begun."""
        return _begun(self._state, self._send).http

    def __enter__(self) -> Self:
        _begun(self._state, self._send)
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        _begun(self._state, self._send).response.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamEvent:
        return next(self._events)

    def result(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        for _ in self._events:
            pass
        return self._state.reader.result()


class AsyncImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection.

    Without `async with`, the call begins with the first event, and the connection is closed after the last, or with the stream.
    """

    def __init__(self, send: Callable[[], Awaitable[Call]]) -> None:
        self._send = send
        self._state = _Begun()
        self._events = _aevents(self._state, send)

    @property
    def http(self) -> HTTPInfo:
        """Return status, headers, request id and rate limits of the response, once the call has begun."""
        return self._state.reader.http

    async def __aenter__(self) -> Self:
        await _abegun(self._state, self._send)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._events.aclose()
        await (await _abegun(self._state, self._send)).response.aclose()

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
        async for _ in self._events:
            pass
        return self._state.reader.result()


def _begun(state: _Begun, send: Callable[[], Call]) -> Call:
    if state.call is None:
        state.call = send()
        state.reader = state.call.events()
    return state.call


async def _abegun(state: _Begun, send: Callable[[], Awaitable[Call]]) -> Call:
    if state.call is None:
        state.call = await send()
        state.reader = state.call.events()
    return state.call


def _events(state: _Begun, send: Callable[[], Call]) -> Generator[StreamEvent]:
    call, cause = _begun(state, send), None
    try:
        try:
            for chunk in chunks(call.response):
                call.deadline.pause()
                yield from state.reader.feed(chunk)
                call.deadline.go_on()
        except FAULTS as error:
            cause = error
        yield from state.reader.finish(cause)
    finally:
        call.response.close()


async def _aevents(state: _Begun, send: Callable[[], Awaitable[Call]]) -> AsyncGenerator[StreamEvent]:
    call, cause = await _abegun(state, send), None
    try:
        try:
            async for chunk in achunks(call.response):
                call.deadline.pause()
                for event in state.reader.feed(chunk):
                    yield event
                call.deadline.go_on()
        except FAULTS as error:
            cause = error
        for event in state.reader.finish(cause):
            yield event
    finally:
        await call.response.aclose()
