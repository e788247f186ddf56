"""Send a call, and send it again where it can't be billed twice."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from ._responses import result as _replies
from ._errors import APIConnectionError, APIStatusError, ResponseError
from ._http.info import HTTPInfo, same_origin
from ._http.low_level import add_client_defaults
from ._http.retry import wait_before_retry
from ._settings import SECRET_HEADERS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from ._http.downloads import Downloader
    from ._requests.request import Call
    from ._results import ImagesResult
    from ._settings import Settings

_LOGGER = logging.getLogger("images_api")
_LOGGER.addHandler(logging.NullHandler())
_SAME_ELSEWHERE = (307, 308)
_MOST_REDIRECTS = 5


def send(call: Call, settings: Settings, client: httpx.Client, *, stream: bool, borrowed: bool = False) -> Reply:
    """Return a successful reply, of a stream before its body is read.

    Args:
        call: What to send.
        settings: What may be sent again.
        client: What to send it with.
        stream: Whether the reply is a stream of events.
        borrowed: Whether the client is the caller's own, with headers and cookies that count.

    Raises:
        APIConnectionError: There was no whole answer.
        APIStatusError: The server refused or failed.
    """
    tries = _Tries(call, settings, client if borrowed else None)
    while True:
        cut = None
        try:
            response = client.send(tries.request, stream=True, follow_redirects=False)
        except httpx.HTTPError as error:
            time.sleep(tries.pause_without_reply(error))
            continue
        if stream and response.is_success:
            return Reply(response, tries.info(response), _replies.Body(response), secrets=call.secrets)
        body = _replies.Body(response)
        try:
            for chunk in _raw(response):
                body.write(chunk)
        except httpx.HTTPError as error:
            cut = error
        finally:
            response.close()
        reply, pause = tries.end(response, body, cut)
        if reply is not None:
            return reply
        time.sleep(pause)


async def asend(call: Call, settings: Settings, client: httpx.AsyncClient, *, stream: bool, borrowed: bool = False) -> Reply:
    """Return a successful reply like `send`, in an event loop.

    Args:
        call: As for `send`.
        settings: As for `send`.
        client: As for `send`.
        stream: As for `send`.
        borrowed: As for `send`.

    Raises:
        APIConnectionError: There was no whole answer.
        APIStatusError: The server refused or failed.
    """
    from asyncio import sleep

    form = call.request.stream
    if isinstance(form, httpx.SyncByteStream) and not isinstance(form, httpx.ByteStream):  # JSON is in memory
        from ._requests.uploads import ReadInThread

        call.request.stream = ReadInThread(form)
    tries = _Tries(call, settings, client if borrowed else None)
    while True:
        cut = None
        try:
            response = await client.send(tries.request, stream=True, follow_redirects=False)
        except httpx.HTTPError as error:
            await sleep(tries.pause_without_reply(error))
            continue
        if stream and response.is_success:
            return Reply(response, tries.info(response), _replies.Body(response), secrets=call.secrets)
        body = _replies.Body(response)
        try:
            async for chunk in _araw(response):
                body.write(chunk)
        except httpx.HTTPError as error:
            cut = error
        finally:
            await response.aclose()
        reply, pause = tries.end(response, body, cut)
        if reply is not None:
            return reply
        await sleep(pause)


def _raw(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body as it comes; of a reply that a hook or a test's transport has read before, as that left it."""
    return iter([response.content]) if response.is_stream_consumed else response.iter_raw()


async def _araw(response: httpx.Response) -> AsyncGenerator[bytes]:
    if response.is_stream_consumed:
        yield response.content
    else:
        async for chunk in response.aiter_raw():
            yield chunk


@dataclass(slots=True)
class Reply:
    """A reply as it came: its body where that was read, and what cut it off."""

    response: httpx.Response
    http: HTTPInfo
    body: _replies.Body
    cut: httpx.HTTPError | None = None
    secrets: Sequence[str] = ()

    @property
    def size(self) -> int:
        """Return how many bytes of the body came."""
        return self.body.content.size

    def error(self) -> APIConnectionError | APIStatusError:
        """Return what is wrong with a reply that is refused, or broke off."""
        if self.cut is not None and self.http.is_success:
            return _replies.connection_error(self.cut, self.http.elapsed, self.body.read())
        return _replies.status_error(self.http, self.body.read(), self.response.request.url, self.secrets)

    def result(self, call: Call, downloader: Downloader) -> ImagesResult:
        """Return the pictures."""
        try:
            return _replies.read_result(self.http, self.body.content, call.subject, downloader)
        except ResponseError as error:
            if any(secret.encode() in error.body for secret in self.secrets):
                error.args = ("the reply can't be understood, and quotes the key",)
            raise


class _Tries:
    """The bookkeeping of one call: how often it was sent, for how long, and whether it may be sent again."""

    def __init__(self, call: Call, settings: Settings, borrowed: httpx.Client | httpx.AsyncClient | None) -> None:
        self._call = call
        self.request = call.request
        self._settings = settings
        self._begun = time.monotonic()
        self._made = 0
        self._redirects = 0
        if borrowed is not None:
            add_client_defaults(self.request, borrowed)

    @property
    def elapsed(self) -> float:
        """Return the seconds since the first try."""
        return time.monotonic() - self._begun

    def info(self, response: httpx.Response, cut: httpx.HTTPError | None = None) -> HTTPInfo:
        """Return what HTTP said of a reply."""
        self._log(f"{response.status_code}, cut by {type(cut).__name__}" if cut else str(response.status_code))
        return HTTPInfo(response.status_code, response.headers, self.elapsed)

    def end(self, response: httpx.Response, body: _replies.Body, cut: httpx.HTTPError | None) -> tuple[Reply | None, float]:
        """Return the reply of a call that has succeeded, or how long to wait before the next try; or raise what is wrong."""
        body.close()
        reply = Reply(response, self.info(response, cut), body, cut, self._call.secrets)
        if response.is_success and (cut is None or body.is_whole()):
            return reply, 0
        return None, 0 if self._redirected(response) else self.pause_after(reply.error(), cut)

    def _redirected(self, response: httpx.Response) -> bool:
        """Take a redirect that asks for the same request elsewhere; others would turn it into another one."""
        following = response.next_request if response.status_code in _SAME_ELSEWHERE else None
        if following is None or self._redirects == _MOST_REDIRECTS:
            return False
        self._redirects += 1
        if not same_origin(following.url, self.request.url):
            for name in SECRET_HEADERS | {self._settings.auth_header}:
                following.headers.pop(name, None)
        self.request = following
        return True

    def pause_without_reply(self, cause: httpx.HTTPError) -> float:
        """Return how long to wait before the next try after one without a reply, or raise the error when there is none."""
        self._log(type(cause).__name__)
        return self.pause_after(_replies.connection_error(cause, self.elapsed), cause)

    def pause_after(self, error: APIConnectionError | APIStatusError, cause: Exception | None = None) -> float:
        """Return how long to wait before the next try, or raise the error when there is none."""
        ambiguous = self._settings.retry_ambiguous
        pause = wait_before_retry(error, self._made, ambiguous=ambiguous) if self._made < self._call.max_retries else None
        if pause is None:
            raise error from cause
        self._made += 1
        return pause

    def _log(self, outcome: str) -> None:
        if not _LOGGER.isEnabledFor(logging.DEBUG):
            return
        url = self.request.url.copy_with(userinfo=b"", query=None)
        _LOGGER.debug("POST %s, try %d: %s after %.2f s", url, self._made + 1, outcome, self.elapsed)
