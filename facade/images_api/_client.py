"""The clients: two thin shells that connect, send, retry and close. All else is in the pure modules beside."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar
from weakref import WeakKeyDictionary

import httpx

from . import _replies, _requests
from ._downloads import Downloader
from ._errors import APIConnectionError, APIStatusError, InvalidRequestError, Problem, ResponseError
from ._http import HTTPInfo, same_origin
from ._low_level import AsyncSharedTransport, SharedTransport, add_client_defaults
from ._results import ImagesResult
from ._retry import wait_before_retry
from ._settings import AUTHORIZATION, MAX_DOWNLOAD_BYTES, SECRET_HEADERS, make_settings
from ._stream import EventReader

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Unpack

    from images_api_client import Client as LowLevelClient  # noqa: TID251  a type in passing

    from ._requests import Call, EditOptions, GenerateOptions, VariationOptions
    from ._settings import APIKey, Settings, TimeoutTypes, Validation
    from ._stream import StreamEvent
    from ._uploads import ImageInput

    class _Send(Protocol):
        def __call__(self, call: Call, *, stream: bool) -> _Reply: ...

    class _AsyncSend(Protocol):
        async def __call__(self, call: Call, *, stream: bool) -> _Reply: ...


_LOGGER = logging.getLogger("images_api")
_LOGGER.addHandler(logging.NullHandler())
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
# A server on this very machine is never reached by way of a proxy.
_DIRECT = ("all://localhost", "all://127.0.0.1", "all://[::1]")
# A body of this size is decoded in a worker thread, in bytes: a smaller one costs less than the way there and back.
_LARGE_BODY = 1 << 20
_SAME_ELSEWHERE = (307, 308)
_MOST_REDIRECTS = 5

Reply = TypeVar("Reply")
Stream = TypeVar("Stream")
HTTPClient = TypeVar("HTTPClient")


class _Operations(Generic[Reply, Stream, HTTPClient]):
    """What both clients offer. The calls are the same; what they give back is awaited or not."""

    def __init__(
        self,
        api_key: APIKey = None,
        *,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        timeout: TimeoutTypes | None = None,
        max_retries: int = 2,
        retry_ambiguous: bool = False,
        validate: Validation = "strict",
        headers: Mapping[str, str] | None = None,
        auth_header: str = AUTHORIZATION,
        http_client: HTTPClient | None = None,
        max_download_bytes: int = MAX_DOWNLOAD_BYTES,
        **defaults: Any,
    ) -> None:
        self._settings = make_settings(
            api_key,
            base_url=base_url,
            organization=organization,
            project=project,
            timeout=timeout,
            max_retries=max_retries,
            retry_ambiguous=retry_ambiguous,
            validate=validate,
            headers=headers,
            auth_header=auth_header,
            max_download_bytes=max_download_bytes,
            defaults=defaults,
        )
        self._connect(http_client)

    def generate(self, prompt: str, **options: Unpack[GenerateOptions]) -> Reply:
        """Create pictures from a text.

        Args:
            prompt: What the pictures should show; the greatest length depends on the model.
            **options: What to say beside, such as `model`, `n` and `size`; each is described, with its bounds, in
                `CreateImageOptions` of the generated client, and what every call takes in `CallOptions`.

        Returns:
            The pictures, as a sequence.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent.
            APIConnectionError: There was no whole answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed.
            ResponseError: The reply can't be understood; its bytes are on the error.
        """
        return self._call(lambda: _requests.generate(self._settings, prompt, options), files=False)

    def edit(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        *,
        mask: ImageInput | None = None,
        markup: ImageInput | None = None,
        **options: Unpack[EditOptions],
    ) -> Reply:
        """Edit a picture, or make one out of several.

        Args:
            image: A picture, or a list of them: a path, bytes, a binary file, a PIL picture, or a tuple of file name
                and one of these. Or, all of them, links, `data:` URLs or file ids. How many, how large and of which
                kind they may be depends on the model, and is checked.
            prompt: What the picture should become.
            mask: A picture of the first one's size with an alpha channel; where it is fully transparent, that one is
                edited.
            markup: Likewise, with drawings that say what to change, for models that take it.
            **options: What to say beside, as described in `CreateImageEditOptions` and `CallOptions`.

        Returns:
            The pictures, as a sequence.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent.
            UnreadableFileError: A file is missing or can't be read; likewise.
            APIConnectionError: There was no whole answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed.
            ResponseError: The reply can't be understood; its bytes are on the error.
        """
        return self._call(lambda: _requests.edit(self._settings, image, prompt, options, mask=mask, markup=markup))

    def create_variation(self, image: ImageInput, **options: Unpack[VariationOptions]) -> Reply:
        """Make variations of a picture. The official host no longer answers this; compatible servers do.

        Args:
            image: A path, bytes, a binary file, a PIL picture, a `data:` URL, or a tuple of file name and one of these.
                How large and of which kind it may be depends on the model, and is checked.
            **options: What to say beside, as described in `CreateImageVariationOptions` and `CallOptions`.

        Returns:
            The pictures, as a sequence.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent.
            UnreadableFileError: The file is missing or can't be read; likewise.
            APIConnectionError: There was no whole answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed.
            ResponseError: The reply can't be understood; its bytes are on the error.
        """
        return self._call(lambda: _requests.variation(self._settings, image, options))

    def stream_generate(self, prompt: str, **options: Unpack[GenerateOptions]) -> Stream:
        """Create pictures from a text, and watch them take shape.

        Args:
            prompt: What the pictures should show; the greatest length depends on the model.
            **options: What to say beside, such as `model`, `n` and `size`; each is described, with its bounds, in
                `CreateImageOptions` of the generated client, and what every call takes in `CallOptions`.

        Returns:
            A context manager over the events of the pictures' making: `PartialImage`, `CompletedImage`, or
            `StreamEvent` for what isn't known. Its `result()` waits for the finished pictures.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent. As the errors below, on entering.
            APIConnectionError: There was no answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed, at once or while it streamed.
            StreamInterruptedError: The stream ended before the finished picture; the unfinished ones are on the error.
            ResponseError: The reply can't be understood; its bytes are on the error.
        """
        return self._stream(lambda: _requests.generate(self._settings, prompt, options, stream=True))

    def stream_edit(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        *,
        mask: ImageInput | None = None,
        markup: ImageInput | None = None,
        **options: Unpack[EditOptions],
    ) -> Stream:
        """Edit a picture, or make one out of several, and watch it take shape.

        Args:
            image: A picture, or a list of them: a path, bytes, a binary file, a PIL picture, or a tuple of file name
                and one of these. Or, all of them, links, `data:` URLs or file ids. How many, how large and of which
                kind they may be depends on the model, and is checked.
            prompt: What the picture should become.
            mask: A picture of the first one's size with an alpha channel; where it is fully transparent, that one is
                edited.
            markup: Likewise, with drawings that say what to change, for models that take it.
            **options: What to say beside, as described in `CreateImageEditOptions` and `CallOptions`.

        Returns:
            A context manager over the events of the pictures' making: `PartialImage`, `CompletedImage`, or
            `StreamEvent` for what isn't known. Its `result()` waits for the finished pictures.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent. As the errors below, on entering.
            APIConnectionError: There was no answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed, at once or while it streamed.
            StreamInterruptedError: The stream ended before the finished picture; the unfinished ones are on the error.
            ResponseError: The reply can't be understood; its bytes are on the error.
        """
        return self._stream(lambda: _requests.edit(self._settings, image, prompt, options, mask=mask, markup=markup, stream=True))

    def stream_variation(self, image: ImageInput, **options: Unpack[VariationOptions]) -> Stream:
        """Make variations of a picture, and watch them take shape, on a server that streams them.

        Args:
            image: A path, bytes, a binary file, a PIL picture, a `data:` URL, or a tuple of file name and one of these.
                How large and of which kind it may be depends on the model, and is checked.
            **options: What to say beside, as described in `CreateImageVariationOptions` and `CallOptions`.

        Returns:
            A context manager over the events of the pictures' making: `PartialImage`, `CompletedImage`, or
            `StreamEvent` for what isn't known. Its `result()` waits for the finished pictures.

        Raises:
            InvalidRequestError: An argument breaks a rule; nothing was sent. As the errors below, on entering.
            APIConnectionError: There was no answer; `may_have_run` says whether it may be billed.
            APIStatusError: The server refused or failed, at once or while it streamed.
            StreamInterruptedError: The stream ended before the finished picture; the unfinished ones are on the error.
            ResponseError: The reply can't be understood; its bytes are on the error.
        """
        return self._stream(lambda: _requests.variation(self._settings, image, options, stream=True))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings!r}>"

    def __getstate__(self) -> Settings:
        return self._settings

    def __setstate__(self, settings: Settings) -> None:
        self._settings = settings
        self._connect(None)

    def _connect(self, borrowed: HTTPClient | None) -> None:
        raise NotImplementedError

    def _call(self, prepare: Callable[[], Call], *, files: bool = True) -> Reply:
        raise NotImplementedError

    def _stream(self, prepare: Callable[[], Call]) -> Stream:
        raise NotImplementedError


class ImagesClient(_Operations[ImagesResult, "ImageStream", httpx.Client]):
    """A client of the Images API, for any number of threads.

    Args:
        api_key: The key, or a callable that returns one, asked before each request. Without it, `OPENAI_API_KEY`; needed
            for the official host only.
        base_url: The prefix of all paths, such as `http://localhost:8080/v1`, taken as it is but for slashes at its
            end. Without it, `OPENAI_BASE_URL`, then the official host.
        organization: Sent as `OpenAI-Organization`. Without it, `OPENAI_ORG_ID`.
        project: Sent as `OpenAI-Project`. Without it, `OPENAI_PROJECT_ID`.
        timeout: Seconds above 0 for each write and each read, or an `httpx.Timeout`. Without it, 600, and 5 to connect.
        max_retries: How often a request is sent again, from 0, when the server can't have begun with it.
        retry_ambiguous: Whether to send again also what may have run, and may then be billed twice.
        validate: `strict` refuses what breaks the contract, `warn` warns of it and sends, `off` sends.
        headers: Sent with every request.
        auth_header: The header that carries the key: after `Bearer` in `Authorization`, bare in any other (`api-key`).
        http_client: An `httpx.Client` to send with; it is never closed here.
        max_download_bytes: The greatest size of a picture that is fetched by its URL.
        **defaults: Options that every call takes where it says nothing itself, such as `model` or `size`.

    Raises:
        InvalidRequestError: An argument breaks a rule, or the official host is meant and there is no key.
    """

    _own: httpx.Client | None

    @property
    def low_level(self) -> LowLevelClient:
        """Return the generated client on the same connections, with the same key, for what this one doesn't cover."""
        transport = SharedTransport(self._settings, self._http)
        http = httpx.Client(base_url=self._settings.base_url, timeout=self._settings.timeout, transport=transport)
        return _requests.low_level_client(self._settings).set_httpx_client(http)

    def close(self) -> None:
        """Close the connections, unless the `http_client` is the caller's own. A later use, such as a link's, opens new ones."""
        with self._lock:
            own = self._own
            self._own = None
        if own is not None:
            own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _connect(self, borrowed: httpx.Client | None) -> None:
        self._borrowed = borrowed
        self._own = None
        self._lock = threading.Lock()
        self._downloader = Downloader(self._settings, client=self._http)

    def _http(self) -> httpx.Client:
        if self._borrowed is not None:
            return self._borrowed
        with self._lock:
            if self._own is None:
                self._own = httpx.Client(verify=_ssl_context(), limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))
            return self._own

    def _call(self, prepare: Callable[[], Call], *, files: bool = True) -> ImagesResult:  # noqa: ARG002  for asyncio only
        with prepare() as call:
            return self._send(call, stream=False).result(call, self._downloader)

    def _stream(self, prepare: Callable[[], Call]) -> ImageStream:
        return ImageStream(prepare, self._send, self._downloader)

    def _send(self, call: Call, *, stream: bool) -> _Reply:
        """Return a successful reply, of a stream before its body is read."""
        tries = _Tries(call, self._settings, self._borrowed)
        while True:
            cut = None
            try:
                response = self._http().send(tries.request, stream=True, follow_redirects=False)
            except httpx.HTTPError as error:
                time.sleep(tries.pause_without_reply(error))
                continue
            if stream and response.is_success:
                return _Reply(response, tries.info(response), _replies.Body(response), secrets=call.secrets)
            body = _replies.Body(response)
            try:
                for chunk in _raw(response):
                    body.write(chunk)
            except httpx.HTTPError as error:
                cut = error
            finally:
                response.close()
            body.close()
            reply = _Reply(response, tries.info(response, cut), body, cut, call.secrets)
            if response.is_success and (cut is None or body.is_whole()):
                return reply
            if not tries.redirected(response):
                time.sleep(tries.pause_after(reply.error(), cut))


class AsyncImagesClient(_Operations[Coroutine[Any, Any, ImagesResult], "AsyncImageStream", httpx.AsyncClient]):
    """A client of the Images API for asyncio, with the calls of `ImagesClient`, to be awaited.

    Each event loop gets connections of its own; large files and replies are read and decoded in worker threads.

    Args:
        api_key: The key, or a callable that returns one, asked before each request. Without it, `OPENAI_API_KEY`; needed
            for the official host only.
        base_url: The prefix of all paths, such as `http://localhost:8080/v1`, taken as it is but for slashes at its
            end. Without it, `OPENAI_BASE_URL`, then the official host.
        organization: Sent as `OpenAI-Organization`. Without it, `OPENAI_ORG_ID`.
        project: Sent as `OpenAI-Project`. Without it, `OPENAI_PROJECT_ID`.
        timeout: Seconds above 0 for each write and each read, or an `httpx.Timeout`. Without it, 600, and 5 to connect.
        max_retries: How often a request is sent again, from 0, when the server can't have begun with it.
        retry_ambiguous: Whether to send again also what may have run, and may then be billed twice.
        validate: `strict` refuses what breaks the contract, `warn` warns of it and sends, `off` sends.
        headers: Sent with every request.
        auth_header: The header that carries the key: after `Bearer` in `Authorization`, bare in any other (`api-key`).
        http_client: An `httpx.AsyncClient` to send with; it is never closed here.
        max_download_bytes: The greatest size of a picture that is fetched by its URL.
        **defaults: Options that every call takes where it says nothing itself, such as `model` or `size`.

    Raises:
        InvalidRequestError: An argument breaks a rule, or the official host is meant and there is no key.
    """

    @property
    def low_level(self) -> LowLevelClient:
        """Return the generated client on the same connections, with the same key, for what this one doesn't cover."""
        transport = AsyncSharedTransport(self._settings, self._http)
        http = httpx.AsyncClient(base_url=self._settings.base_url, timeout=self._settings.timeout, transport=transport)
        return _requests.low_level_client(self._settings).set_async_httpx_client(http)

    async def close(self) -> None:
        """Close this event loop's connections, unless the `http_client` is the caller's own. A later use opens new ones."""
        own = self._own.pop(asyncio.get_running_loop(), None)
        if own is not None:
            await own.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _connect(self, borrowed: httpx.AsyncClient | None) -> None:
        self._borrowed = borrowed
        self._borrowed_loop: asyncio.AbstractEventLoop | None = None
        self._own: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()
        self._downloader = Downloader(self._settings, async_client=self._http)

    def _http(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._borrowed is not None:
            if self._borrowed_loop not in {None, loop}:
                why = "was used in another event loop before, to which its connections belong"
                raise InvalidRequestError([Problem("http_client", self._borrowed, why)])
            self._borrowed_loop = loop
            return self._borrowed
        if loop not in self._own:
            # Connections hold on to their loop, so that a weak reference alone would keep both for ever.
            for ended in [each for each in list(self._own) if each.is_closed()]:
                self._own.pop(ended, None)
            self._own[loop] = httpx.AsyncClient(verify=_ssl_context(), limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))
        return self._own[loop]

    async def _call(self, prepare: Callable[[], Call], *, files: bool = True) -> ImagesResult:
        with await asyncio.to_thread(prepare) if files else prepare() as call:
            reply = await self._send(call, stream=False)
            read = partial(reply.result, call, self._downloader)
            return await asyncio.to_thread(read) if reply.body.content.size >= _LARGE_BODY else read()

    def _stream(self, prepare: Callable[[], Call]) -> AsyncImageStream:
        return AsyncImageStream(prepare, self._send, self._downloader)

    async def _send(self, call: Call, *, stream: bool) -> _Reply:
        """Return a successful reply, of a stream before its body is read."""
        tries = _Tries(call, self._settings, self._borrowed)
        while True:
            cut = None
            try:
                response = await self._http().send(tries.request, stream=True, follow_redirects=False)
            except httpx.HTTPError as error:
                await asyncio.sleep(tries.pause_without_reply(error))
                continue
            if stream and response.is_success:
                return _Reply(response, tries.info(response), _replies.Body(response), secrets=call.secrets)
            body = _replies.Body(response)
            try:
                async for chunk in _araw(response):
                    body.write(chunk)
            except httpx.HTTPError as error:
                cut = error
            finally:
                await response.aclose()
            body.close()
            reply = _Reply(response, tries.info(response, cut), body, cut, call.secrets)
            if response.is_success and (cut is None or body.is_whole()):
                return reply
            if not tries.redirected(response):
                await asyncio.sleep(tries.pause_after(reply.error(), cut))


class ImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection."""

    def __init__(self, prepare: Callable[[], Call], send: _Send, downloader: Downloader) -> None:
        self._prepare = prepare
        self._send = send
        self._downloader = downloader

    def __enter__(self) -> Self:
        with self._prepare() as call:
            reply = self._send(call, stream=True)
        self._response, self.http = reply.response, reply.http
        self._reader = reply.reader(call, self._downloader)
        self._events = self._iterate()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._events.close()
        self._response.close()

    def __iter__(self) -> Iterator[StreamEvent]:
        return self._events

    def result(self) -> ImagesResult:
        """Return the finished pictures, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished picture.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        for _ in self._events:
            pass
        return self._reader.result()

    def _iterate(self) -> Generator[StreamEvent]:
        cause = None
        try:
            for chunk in self._response.iter_bytes():
                yield from self._reader.feed(chunk)
        except httpx.HTTPError as error:
            cause = error
        yield from self._reader.finish(cause)


class AsyncImageStream:
    """The events of one call, as a context manager that iterates. Leaving it early closes the connection."""

    def __init__(self, prepare: Callable[[], Call], send: _AsyncSend, downloader: Downloader) -> None:
        self._prepare = prepare
        self._send = send
        self._downloader = downloader

    async def __aenter__(self) -> Self:
        with await asyncio.to_thread(self._prepare) as call:
            reply = await self._send(call, stream=True)
        self._response, self.http = reply.response, reply.http
        self._reader = reply.reader(call, self._downloader)
        self._events = self._iterate()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._events.aclose()
        await self._response.aclose()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self._events

    async def aresult(self) -> ImagesResult:
        """Return the finished pictures, after reading what is left of the stream.

        Raises:
            StreamInterruptedError: The stream ended before the finished picture.
            APIStatusError: The server sent an error as an event.
            ResponseError: An event can't be understood.
        """
        async for _ in self._events:
            pass
        return self._reader.result()

    async def _iterate(self) -> AsyncGenerator[StreamEvent]:
        cause = None
        try:
            async for chunk in self._response.aiter_bytes():
                for event in self._reader.feed(chunk):
                    yield event
        except httpx.HTTPError as error:
            cause = error
        for event in self._reader.finish(cause):
            yield event


def _raw(response: httpx.Response) -> Iterator[bytes]:
    """Yield the body as it comes; of a reply that a hook or a test's transport has read before, as that left it."""
    return iter([response.content]) if response.is_stream_consumed else response.iter_raw()


async def _araw(response: httpx.Response) -> AsyncGenerator[bytes]:
    if response.is_stream_consumed:
        yield response.content
    else:
        async for chunk in response.aiter_raw():
            yield chunk


def _ssl_context() -> ssl.SSLContext:
    return _make_ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _make_ssl_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return the context for these certificates, which costs more to make than a call: one a process is enough."""
    return httpx.create_ssl_context()


@dataclass(frozen=True)
class _Reply:
    """A reply as it came: its body where that was read, and what cut it off."""

    response: httpx.Response
    http: HTTPInfo
    body: _replies.Body
    cut: httpx.HTTPError | None = None
    secrets: Sequence[str] = ()

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

    def reader(self, call: Call, downloader: Downloader) -> EventReader:
        """Return what makes events of a stream."""
        return EventReader(
            self.http,
            self.response.request.url,
            call.subject,
            downloader,
            call.pictures,
            content=self.body.content,
            secrets=self.secrets,
        )


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

    def redirected(self, response: httpx.Response) -> bool:
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
        url = self.request.url.copy_with(userinfo=b"", query=None)
        _LOGGER.debug("POST %s, try %d: %s after %.2f s", url, self._made + 1, outcome, self.elapsed)
