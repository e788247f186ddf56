"""The events of a call as a context manager and an iterator: reading them is the way on through the response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, cast

from ._errors import ImagesAPIError, InvalidRequestError, ResponseError
from ._events import CompletedImage, StreamEvent
from ._http.exchange import FAULTS
from ._http.pools import at_once, running_loop
from ._results import gallery

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from ._calls import Call
    from ._results import GeneratedImage, HTTPInfo, ImagesResult


class _Stream:
    """What both streams are made of; without an event loop, nothing in it waits for one."""

    _call: Call
    _error: ImagesAPIError | None = None

    def __init__(self, send: Callable[[], Coroutine[Any, Any, Call]]) -> None:
        self._steps = _steps(send)

    async def _step(self, *end: None) -> Any:
        """Return the call, and then its events, or raise again what went wrong.

        Args:
            end: What to return behind the last one; else StopAsyncIteration is raised.
        """
        if self._error:
            raise self._error
        try:
            return await anext(self._steps, *end)
        except ImagesAPIError as error:
            self._error = error
            raise

    async def _begun(self) -> Call:
        if "_call" not in vars(self):
            self._call = await self._step()
        return self._call

    async def _next(self, *end: None) -> Any:
        await self._begun()
        return await self._step(*end)

    async def _result(self) -> ImagesResult:
        while await self._next(None):
            pass
        return self._call.events.result()

    async def _show(self, place: Any, before: Any = None) -> None:
        """Show in a notebook what there is, to the end: the images that are finished, and the one that is being made.

        Args:
            place: Where to show it, as IPython's `display` returns it.
            before: The task that does the same at another place, if there is one.
        """
        images: list[GeneratedImage] = []
        finished = 0
        try:
            await _end_of(before)
            while event := await self._next(None):
                with suppress(ResponseError):  # it has none, or a broken one
                    images[finished:] = [event.image]
                    finished += isinstance(event, CompletedImage)
                    place.update(gallery(images, "still being made"), raw=True)
            place.update(await self._result())
        except BaseException as error:
            await self._steps.aclose()
            place.update(gallery(images, f"{type(error).__name__}: {error}"), raw=True)
            raise


class ImageStream(_Stream, Iterator[StreamEvent]):
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

    def __next__(self) -> StreamEvent:
        try:
            return cast("StreamEvent", at_once(self._next()))
        except StopAsyncIteration:
            raise StopIteration from None

    def _ipython_display_(self) -> None:
        """Show the images in a notebook while they are made, each in place of the one before."""
        at_once(self._show(_place()))

    def result(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        return at_once(self._result())


class AsyncImageStream(_Stream, AsyncIterator[StreamEvent]):
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection.

    Without `async with`, the call begins with the first event, and the connection is closed after the last, or with the stream.
    """

    _showing: Any = None

    @property
    def http(self) -> HTTPInfo:
        """Return status, headers, request id and rate limits of the response, once the call has begun."""
        return self._call.http

    async def __aenter__(self) -> Self:
        await self._begun()
        return self

    async def __aexit__(self, *_: object) -> None:
        await _end_of(self._showing)
        await self._steps.aclose()

    async def __anext__(self) -> StreamEvent:
        await _end_of(self._showing)
        return cast("StreamEvent", await self._next())

    def _ipython_display_(self) -> None:
        """Show the images in a notebook while they are made, each in place of the one before, by a task of the event loop."""
        try:
            loop = running_loop()
        except InvalidRequestError:
            raise NotImplementedError from None  # by which IPython takes the repr, such as in a terminal
        self._showing = loop.create_task(self._show(_place(), self._showing))
        # It is shown, and raised for whoever asks for the result.
        self._showing.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def aresult(self) -> ImagesResult:
        """Return the finished images, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished image.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        await _end_of(self._showing)
        return await self._result()


def _place() -> Any:
    """Return a new place in a notebook, which can be updated, from IPython, which asks for it."""
    from IPython.display import display

    return display(gallery([], "waiting for the first image"), raw=True, display_id=True)


async def _end_of(task: Any) -> None:
    if task:
        await task


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
