"""One call: sent, sent again where it can't be billed twice, refused or answered. Its I/O is an exchange's.

Its events are a context manager and an iterator; reading them is the way on through the response.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin

import httpx

from ._errors import ResponseError
from ._http.exchange import FAULTS, Exchange
from ._http.pools import at_once
from ._http.retry import server_wait, wait_before_retry
from ._messages import shown_url
from ._responses.body import Body
from ._responses.failures import billed_cost, connection_error, status_error
from ._responses.json import TooLargeError
from ._responses.result import ResponseReader
from ._results import HTTPInfo
from ._secrets.quoted import Secrets

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from ._errors import APIConnectionError, APIStatusError
    from ._events import StreamEvent
    from ._http.downloads import Downloader
    from ._http.pools import Pool
    from ._requests.request import CheckedRequest
    from ._results import ImagesResult

_LOGGER = logging.getLogger("images_api")
_LOGGER.addHandler(logging.NullHandler())
_SAME_ELSEWHERE = (307, 308)
# What says that there is no such model, or that it may not be used.
_REFUSALS = (400, 403, 404, 422)
_MODEL = re.compile("model|deployment", re.IGNORECASE)


class Call(Exchange):
    """One call, without its I/O: what is sent, how often and for how long, and what becomes of the response.

    Args:
        checked: What to send.
        source: Fetches the images that come as links, and knows the client's settings.
        pool: What it is sent with.
        stream: Whether the response is a stream of events, which is read later.

    Attributes:
        response: The last response.
        body: What came of its body.
        http: What HTTP said of it.
    """

    auth = httpx.USE_CLIENT_DEFAULT
    response: httpx.Response
    http: HTTPInfo

    def __init__(self, checked: CheckedRequest, source: Downloader, pool: Pool[Any], *, stream: bool) -> None:
        super().__init__(checked.http, checked.timeout, pool)
        self.checked = checked
        self.source = source
        self.stream = stream
        self._begun = time.monotonic()
        self._cut: httpx.HTTPError | None = None
        if source.connections.borrowed:
            pool.complete(self.request)
        self.secrets = Secrets.of(self.request)

    def begin(self, response: httpx.Response) -> None:
        """Take a response's status and headers."""
        self.response = response
        self.body = Body(response.headers, self.source.settings.max_response_bytes, is_success=response.is_success)

    def receive(self, chunk: bytes) -> None:
        """Take the next chunk of the body."""
        self.body.write(chunk)

    def end(self, response: httpx.Response | None, fault: httpx.HTTPError | None) -> float | None:
        """Return the seconds to wait before the next try; None when the call has succeeded.

        Raises:
            APIConnectionError: There was no whole answer.
            APIStatusError: The server refused or failed.
        """
        elapsed = time.monotonic() - self._begun
        if _LOGGER.isEnabledFor(logging.DEBUG):
            url = shown_url(httpx.URL.__str__(self.request.url))
            outcome = str(response.status_code) if response else "", type(fault).__name__ if fault else ""
            _LOGGER.debug("POST %s, try %d: %s after %.2f s", url, self.tries, ", cut by ".join(filter(None, outcome)), elapsed)
        headers = self.secrets.hidden_in_headers(response.headers if response else httpx.Headers())
        wait = server_wait(headers) if response and not response.is_success else None
        self.http = HTTPInfo(response.status_code if response else 0, headers, elapsed, wait, billed_cost(headers))
        if response is not None:
            if response.is_success and (fault is None or isinstance(fault, TooLargeError) or self.body.is_whole()):
                self._cut = fault
                return None
            if response.status_code in _SAME_ELSEWHERE and response.has_redirect_location:
                with suppress(ValueError):
                    self.move(urljoin(httpx.URL.__str__(self.request.url), response.headers["location"]))
                    return 0.0
        error = self._error(response, fault)
        is_last = self.tries > self.checked.max_retries
        pause = None if is_last else wait_before_retry(error, self.tries - 1, ambiguous=self.source.settings.retry_ambiguous)
        return self.next_try(pause, error, fault)

    def result(self) -> ImagesResult:
        """Return the images.

        Raises:
            NoImageError: There is none in the response.
            APIStatusError: The server sent an error in a successful response.
            ResponseError: The response can't be understood, or an image in it is broken.
        """
        try:
            reader = self.events
            deque(reader.finish(self._cut), maxlen=0)
            return reader.result()
        except ResponseError as error:
            if self.secrets.occur_in(error.body):
                error.args = ("the response can't be understood, and quotes the key",)
            raise

    @cached_property
    def events(self) -> ResponseReader:
        """Return what makes events of the response."""
        url, checked = self.request.url, self.checked
        return ResponseReader(self.http, self.body, url, checked.subject, checked.images, self.source, self.secrets)

    def _error(self, response: httpx.Response | None, fault: httpx.HTTPError | None) -> APIConnectionError | APIStatusError:
        body = self.body.read() if response else b""
        self.secrets.hide_in_error(fault)
        if fault is not None and (response is None or response.is_success):
            proxy = self.request.extensions.get("proxy")
            by = f" by the proxy {shown_url(proxy)}" if proxy else ""
            where = f" from {self.request.url.netloc.decode('ascii')}{by}, try {self.tries}"
            return connection_error(fault, self.http.elapsed, body, where)
        error = status_error(self.http, body, self.request.url, self.secrets)
        if self.checked.about_model and error.status_code in _REFUSALS and _MODEL.search(f"{error.param} {error}"):
            error.args = (f"{error} ({self.checked.about_model})",)
        return error


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
