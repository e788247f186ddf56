"""One call: sent, sent again where it can't be billed twice, refused or answered. Its I/O is an exchange's."""

from __future__ import annotations

import re
import time
from collections import deque
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx

from ._errors import ResponseError
from ._http.downloads import Downloader
from ._http.exchange import LOGGER, Exchange, exchange
from ._http.retry import server_wait, wait_before_retry
from ._messages import shown_url
from ._requests.files import OpenFiles
from ._requests.request import CheckedRequest, arequest
from ._responses.body import Body
from ._responses.failures import billed_cost, connection_error, status_error
from ._responses.json import TooLargeError
from ._responses.result import ResponseReader
from ._results import HTTPInfo
from ._secrets import Secrets

if TYPE_CHECKING:
    from ._errors import APIConnectionError, APIStatusError
    from ._http.pools import Connections, Pool
    from ._results import ImagesResult
    from ._settings import Settings

# What says that there is no such model, or that it may not be used.
_REFUSALS = (400, 403, 404, 422)
_MODEL = re.compile("model|deployment", re.IGNORECASE)


async def sent(settings: Settings, connections: Connections[Any], name: str, arguments: dict[str, Any], *, stream: bool) -> Call:
    """Return a call that is answered; without an event loop, nothing in it waits for one.

    Args:
        settings: The client's.
        connections: The client's.
        name: The operation's, such as `createImage`.
        arguments: What its method was called with.
        stream: Whether the answer is to be a stream of events.
    """
    connections.owner()  # without asyncio's event loop, nothing of an async client works
    with OpenFiles() as files:
        said = settings, name, arguments, files
        checked = await arequest(*said, stream=stream) if connections.is_async else CheckedRequest(*said, stream=stream)
        with connections.pool() as pool:
            return await exchange(Call(checked, Downloader(settings, connections, checked.timeout), pool, stream=stream))


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

    def __init__(self, checked: CheckedRequest, source: Downloader, pool: Pool[Any], *, stream: bool) -> None:
        super().__init__(checked.http, checked.timeout, pool)
        self.checked, self.source, self.stream = checked, source, stream
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
        url = shown_url(httpx.URL.__str__(self.request.url))
        outcome = str(response.status_code) if response else "", type(fault).__name__ if fault else ""
        LOGGER.debug("POST %s, try %d: %s after %.2f s", url, self.tries, ", cut by ".join(filter(None, outcome)), elapsed)
        headers = self.secrets.hidden_in_headers(response.headers if response else httpx.Headers())
        wait = server_wait(headers) if response and not response.is_success else None
        self.http = HTTPInfo(response.status_code if response else 0, headers, elapsed, wait, billed_cost(headers))
        if response is not None:
            if response.is_success and (fault is None or isinstance(fault, TooLargeError) or self.body.is_whole()):
                self._cut = fault
                return None
            if response.status_code in {307, 308} and response.has_redirect_location:
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
            deque(self.events.finish(self._cut), maxlen=0)
            return self.events.result()
        except ResponseError as error:
            if self.secrets.hidden_in(error.body) != error.body:
                error.args = ("the response can't be understood, and quotes the key",)
            raise

    @cached_property
    def events(self) -> ResponseReader:
        """Return what makes events of the response."""
        refusal = partial(status_error, self.http, url=self.request.url, secrets=self.secrets)
        return ResponseReader(self.http, self.body, refusal, self.checked.subject, self.checked.images, self.source)

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
