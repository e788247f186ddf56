"""One loop from a request to its response, for calls and downloads: the only place that sends, receives and waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from .codings import Decoder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator


class Exchange(Protocol):
    """What is sent, and what becomes of the response: all of an exchange but its I/O.

    Attributes:
        request: What is sent next.
        auth: What httpx takes: its client's own authentication, or None for none.
    """

    request: httpx.Request
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


def exchange(each: Exchange, client: httpx.Client) -> None:
    """Send a request, and the next, until there is an answer that counts.

    Args:
        each: What to send, and what to make of the responses; whatever it raises ends the exchange.
        client: What to send with.
    """
    while True:
        cut = None
        try:
            response = client.send(each.request, stream=True, auth=each.auth, follow_redirects=False)
        except httpx.HTTPError as error:
            time.sleep(each.fail(error))
            continue
        read_later = False
        try:
            read_later = not each.begin(response)
            if read_later:
                return
            for chunk in chunks(response):
                each.receive(chunk)
        except httpx.HTTPError as error:
            cut = error
        finally:
            if not read_later:
                response.close()
        pause = each.end(cut)
        if pause is None:
            return
        time.sleep(pause)


async def aexchange(each: Exchange, client: httpx.AsyncClient) -> None:
    """Send a request like `exchange`, in an event loop.

    Args:
        each: As for `exchange`.
        client: As for `exchange`.
    """
    while True:
        cut = None
        try:
            response = await client.send(each.request, stream=True, auth=each.auth, follow_redirects=False)
        except httpx.HTTPError as error:
            await _asleep(each.fail(error))
            continue
        read_later = False
        try:
            read_later = not each.begin(response)
            if read_later:
                return
            async for chunk in achunks(response):
                each.receive(chunk)
        except httpx.HTTPError as error:
            cut = error
        finally:
            if not read_later:
                await response.aclose()
        pause = each.end(cut)
        if pause is None:
            return
        await _asleep(pause)


async def _asleep(seconds: float) -> None:
    from asyncio import sleep

    await sleep(seconds)


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
