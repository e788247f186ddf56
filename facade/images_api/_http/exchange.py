"""One loop from a request to its response, for calls and downloads: the only place that sends, receives and waits."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from images_api._contract.document import checked_url, same_origin
from images_api._errors import ImagesAPIError
from images_api._secrets import SentURL

from .codings import Decoder
from .deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from images_api._settings import TimeoutTypes

    from .pools import Pool

Done = TypeVar("Done")

_LOGGER = logging.getLogger("images_api")
_MOST_REDIRECTS = 5
# What a request says of itself.
_NEEDED_HEADERS = frozenset({"accept", "content-type", "content-length", "transfer-encoding"})
# What a network, a certificate or a redirect may set off, and a client that is closed: not all of it comes as httpx's own.
FAULTS = (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError, UnicodeError)
_UNSENT = (httpx.LocalProtocolError, httpx.ConnectError, RuntimeError)
# Nothing changes by itself.
_IN_VAIN = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)


class Exchange:
    """What is sent, and what becomes of the response: all of an exchange but its I/O.

    Args:
        request: What is sent first.
        timeout: How long all of it may take.
        pool: What to send with.

    Attributes:
        request: What is sent next.
        stream: Whether the body of a success is to be read elsewhere.
        auth: What httpx takes: its client's own authentication, or None for none.
        deadline: When it must have ended.
        tries: How many there are with the one that is made.
    """

    stream = False
    auth: Any = None

    def __init__(self, request: httpx.Request, timeout: TimeoutTypes, pool: Pool[Any]) -> None:
        self.request = request
        self.pool = pool
        self.deadline = Deadline(timeout)
        self.tries = 1
        self.redirects = 0

    def begin(self, response: httpx.Response) -> None:
        """Take a response's status and headers."""

    def receive(self, chunk: bytes) -> None:
        """Take the next chunk of the body, decoded."""

    def end(self, response: httpx.Response | None, fault: httpx.HTTPError | None) -> float | None:
        """Take the end of a response, or what went wrong, and return the seconds before the next request; None: there is none."""

    def next_try(self, pause: float | None, error: ImagesAPIError, fault: Exception | None) -> float:
        """Return the seconds to wait before the same request is sent again.

        Args:
            pause: How long to wait; None where it must not be sent again.
            error: What the last try means.
            fault: What caused the error.

        Raises:
            ImagesAPIError: The error; there is no next try.
        """
        is_over = self.pool.end.is_set() or isinstance(fault, _IN_VAIN)
        if pause is None or pause >= self.deadline.left or is_over:
            raise error from fault
        self.tries += 1
        _LOGGER.info("waiting %.1f s before try %d: %s", pause, self.tries, error)
        return pause

    def move(self, address: str) -> None:
        """Ask for the same at another address next, with nothing that may be a key where that is of another origin.

        Raises:
            ValueError: That may not be; the text of the error says why, and quotes nothing.
        """
        old, url = self.request, checked_url(address)
        if (old.url.scheme, url.scheme) == ("https", "http"):
            raise ValueError("is not encrypted, though what led to it is")
        if self.redirects == _MOST_REDIRECTS:
            raise ValueError(f"was redirected more than {_MOST_REDIRECTS} times")
        self.redirects += 1
        is_near = same_origin(url, old.url)
        kept = {name: value for name, value in old.headers.items() if is_near or name in _NEEDED_HEADERS}
        self.auth = self.auth if is_near else None
        self.request = httpx.Request(old.method, url, headers=kept | {"host": url.netloc.decode("ascii")}, stream=old.stream)
        self.request.url = _ExactURL(address)


class _ExactURL(SentURL):
    """A URL whose path and query are sent byte for byte: a signature covers them, and httpx quotes some of them anew."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._given = url if url.isascii() and " " not in url else httpx.URL.__str__(self)

    @property
    def raw_path(self) -> bytes:
        """Return the path and query."""
        target = re.sub(r"^[^:]*://[^/?#]*|#.*", "", self._given)
        return (target if target.startswith("/") else f"/{target}").encode()


def at_once(work: Coroutine[Any, Any, Done]) -> Done:
    """Do what waits for no event loop, so that its first step is all of it, and return what comes of it."""
    while True:
        try:
            work.send(None)
        except StopIteration as done:
            result: Done = done.value
            return result


async def exchange(each: Exchange) -> None:
    """Send a request, and the next, until there is an answer that counts. Nothing here waits for an event loop where none is.

    Args:
        each: What to send, and what to make of the responses; whatever it raises ends the exchange.
    """
    pause: float | None = 0.0
    while pause is not None:
        await each.pool.wait(pause)
        response, fault = None, None
        each.request.extensions = each.deadline.extensions(each.pool)
        try:
            sent = each.pool.client.send(each.request, stream=True, auth=each.auth, follow_redirects=False)
            response = await sent if each.pool.is_async else sent
            if each.stream and response.is_success:
                each.begin(response)
                return
            await _receive(each, response)
        except FAULTS as error:
            fault = _known(error, each.pool)
        pause = each.end(response, fault)


async def _receive(each: Exchange, response: httpx.Response) -> None:
    """Read a response to its end, and close it."""
    try:
        each.begin(response)
        if each.pool.is_async:
            async for chunk in achunks(response):
                each.receive(chunk)
        else:
            for chunk in chunks(response):
                each.receive(chunk)
    finally:
        await response.aclose() if each.pool.is_async else response.close()


def _known(error: Exception, pool: Pool[Any]) -> httpx.HTTPError:
    """Return a fault as an error of httpx; what is the app's own, or ours, is raised as it is."""
    known: httpx.HTTPError
    if isinstance(error, ImagesAPIError):
        raise error
    if pool.end.is_set():
        known = (httpx.LocalProtocolError if isinstance(error, _UNSENT) else httpx.ReadError)("the client was closed")
    elif isinstance(error, httpx.InvalidURL | UnicodeError) or "location header" in str(error):
        known = httpx.LocalProtocolError("the server redirects to what is no URL")
    elif isinstance(error, httpx.HTTPError):
        return error
    elif isinstance(error, OSError):
        known = httpx.ReadError(f"{type(error).__name__}: {error}")
    else:
        raise error
    known.__cause__ = error
    return known


def chunks(response: httpx.Response) -> Iterator[bytes]:
    """Return a response's body as it comes, without its content coding.

    The iterator raises an `httpx.HTTPError` where the body broke off, or its coding is broken.
    """
    if response.is_stream_consumed:  # by a hook or a test's transport, which httpx has decoded it for
        return response.iter_bytes()
    decoder = Decoder(response.headers)
    return (decoded for chunk in response.iter_raw() for decoded in decoder.decode(chunk))


def achunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return a response's body like `chunks`, in an event loop."""
    if response.is_stream_consumed:
        return response.aiter_bytes()
    decoder = Decoder(response.headers)
    return (decoded async for chunk in response.aiter_raw() for decoded in decoder.decode(chunk))
