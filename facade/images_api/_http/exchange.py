"""One loop from a request to its response, for calls and downloads: the only place that sends, receives and waits."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from images_api._errors import ImagesAPIError

from .codings import Decoder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from .deadline import Deadline
    from .pools import Pool


class Exchange(Protocol):
    """What is sent, and what becomes of the response: all of an exchange but its I/O.

    Attributes:
        request: What is sent next.
        auth: What httpx takes: its client's own authentication, or None for none.
        deadline: When it must have ended.
    """

    request: httpx.Request
    deadline: Deadline
    auth: Any

    def begin(self, response: httpx.Response) -> bool:
        """Take a response's status and headers, and return whether to read its body here."""
        ...

    def receive(self, chunk: bytes) -> None:
        """Take the next chunk of the body, decoded."""

    def end(self, cut: httpx.HTTPError | None) -> float | None:
        """Take the end of the body, or what cut it off, and return the seconds before the next request; None: there is none."""

    def fail(self, error: httpx.HTTPError) -> float:
        """Take what went wrong before there was a response, and return the seconds to wait before the next request."""
        ...


# What a network, a certificate or a redirect may set off, and a client that is closed: not all of it comes as httpx's own.
FAULTS = (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError, UnicodeError)
_UNSENT = (httpx.LocalProtocolError, httpx.ConnectError, RuntimeError)


def exchange(each: Exchange, pool: Pool[httpx.Client]) -> None:
    """Send a request, and the next, until there is an answer that counts.

    Args:
        each: What to send, and what to make of the responses; whatever it raises ends the exchange.
        pool: What to send with.
    """
    while True:
        cut = None
        each.request.extensions = each.deadline.extensions(pool)
        try:
            response = pool.client.send(each.request, stream=True, auth=each.auth, follow_redirects=False)
        except FAULTS as error:
            pause: float | None = each.fail(_known(error, pool))
        else:
            read_later = False
            try:
                read_later = not each.begin(response)
                if not read_later:
                    for chunk in chunks(response):
                        each.receive(chunk)
            except FAULTS as error:
                cut = _known(error, pool)
            finally:
                if not read_later:
                    response.close()
            pause = None if read_later else each.end(cut)
        if pause is None:
            return
        pool.end.wait(pause)


async def aexchange(each: Exchange, pool: Pool[httpx.AsyncClient]) -> None:
    """Send a request like `exchange`, in an event loop.

    Args:
        each: As for `exchange`.
        pool: As for `exchange`.
    """
    while True:
        cut = None
        each.request.extensions = each.deadline.extensions(pool)
        try:
            response = await pool.client.send(each.request, stream=True, auth=each.auth, follow_redirects=False)
        except FAULTS as error:
            pause: float | None = each.fail(_known(error, pool))
        else:
            read_later = False
            try:
                read_later = not each.begin(response)
                if not read_later:
                    async for chunk in achunks(response):
                        each.receive(chunk)
            except FAULTS as error:
                cut = _known(error, pool)
            finally:
                if not read_later:
                    await response.aclose()
            pause = None if read_later else each.end(cut)
        if pause is None:
            return
        await _waited(pool, pause)


async def _waited(pool: Pool[httpx.AsyncClient], seconds: float) -> None:
    from asyncio import timeout

    with suppress(TimeoutError):
        async with timeout(seconds):
            await pool.end.wait()


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
        return iter([response.content])
    if "content-encoding" not in response.headers:
        return response.iter_raw()
    decoder = Decoder(response.headers)
    return (decoded for chunk in response.iter_raw() for decoded in decoder.decode(chunk))


def achunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return a response's body like `chunks`, in an event loop."""
    if not response.is_stream_consumed and "content-encoding" not in response.headers:
        return response.aiter_raw()
    return _achunks(response)


async def _achunks(response: httpx.Response) -> AsyncGenerator[bytes]:
    if response.is_stream_consumed:
        yield response.content
        return
    decoder = Decoder(response.headers)
    async for chunk in response.aiter_raw():
        for decoded in decoder.decode(chunk):
            yield decoded
