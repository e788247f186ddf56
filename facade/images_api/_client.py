"""The clients: two thin shells that connect, send, retry and close. All else is in the pure modules beside."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar
from weakref import WeakKeyDictionary

import httpx

from ._requests import request as _requests
from ._errors import InvalidRequestError, Problem
from ._http.pools import CALLS_EACH, Pools
from ._settings import AUTHORIZATION, MAX_DOWNLOAD_BYTES, make_settings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Unpack

    from images_api_client import Client as LowLevelClient  # noqa: TID251  a type in passing

    from ._http.downloads import Downloader
    from ._requests.request import Call, EditOptions, GenerateOptions, VariationOptions
    from ._results import ImagesResult
    from ._calls import Reply
    from ._settings import APIKey, Settings, TimeoutTypes, Validation
    from ._streams import AsyncImageStream, ImageStream
    from ._requests.uploads import ImageInput

_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=CALLS_EACH)
# A server on this very machine is never reached by way of a proxy.
_DIRECT = ("all://localhost", "all://127.0.0.1", "all://[::1]")
# What a body of this size holds is looked at in a worker thread, in bytes: a smaller one costs less than the way there and back.
_LARGE_BODY = 1 << 20

Result = TypeVar("Result")
Stream = TypeVar("Stream")
HTTPClient = TypeVar("HTTPClient")
Outcome = TypeVar("Outcome")


class _Operations(Generic[Result, Stream, HTTPClient]):
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

    def generate(self, prompt: str, **options: Unpack[GenerateOptions]) -> Result:
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
    ) -> Result:
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

    def create_variation(self, image: ImageInput, **options: Unpack[VariationOptions]) -> Result:
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

    def _call(self, prepare: Callable[[], Call], *, files: bool = True) -> Result:
        raise NotImplementedError

    def _stream(self, prepare: Callable[[], Call]) -> Stream:
        raise NotImplementedError


class ImagesClient(_Operations["ImagesResult", "ImageStream", httpx.Client]):
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

    @property
    def low_level(self) -> LowLevelClient:
        """Return the generated client on the same connections, with the same key, for what this one doesn't cover."""
        from ._http.low_level import SharedTransport

        transport = SharedTransport(self._settings, self._http)
        http = httpx.Client(base_url=self._settings.base_url, timeout=self._settings.timeout, transport=transport)
        return _requests.low_level_client(self._settings).set_httpx_client(http)

    def close(self) -> None:
        """Close the connections, unless the `http_client` is the caller's own. A later use, such as a link's, opens new ones."""
        for client in self._pools.clear():
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _connect(self, borrowed: httpx.Client | None) -> None:
        self._borrowed = borrowed
        self._pools = Pools(self._new_http)

    def _new_http(self) -> httpx.Client:
        from ._http.tls import late_context

        return httpx.Client(verify=late_context(), limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))

    def _http(self) -> httpx.Client:
        return self._borrowed or self._pools.first()

    @cached_property
    def _downloader(self) -> Downloader:
        from ._http.downloads import Downloader

        return Downloader(self._settings, client=self._http)

    def _call(self, prepare: Callable[[], Call], *, files: bool = True) -> ImagesResult:  # noqa: ARG002  for asyncio only
        downloader = self._downloader  # whose import must not fail once the call is paid for
        with prepare() as call:
            return self._send(call, stream=False).result(call, downloader)

    def _stream(self, prepare: Callable[[], Call]) -> ImageStream:
        from ._streams import ImageStream

        return ImageStream(prepare, self._send, self._downloader)

    def _send(self, call: Call, *, stream: bool) -> Reply:
        from ._calls import send

        if self._borrowed is not None:
            return send(call, self._settings, self._borrowed, stream=stream, borrowed=True)
        pool = self._pools.take()
        try:
            return send(call, self._settings, pool.client, stream=stream)
        finally:
            self._pools.give_back(pool)


class AsyncImagesClient(_Operations[Coroutine[Any, Any, "ImagesResult"], "AsyncImageStream", httpx.AsyncClient]):
    """A client of the Images API for asyncio, with the calls of `ImagesClient`, to be awaited.

    Each event loop gets connections of its own; files are read and written in worker threads.

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
        from ._http.low_level import AsyncSharedTransport

        transport = AsyncSharedTransport(self._settings, self._http)
        http = httpx.AsyncClient(base_url=self._settings.base_url, timeout=self._settings.timeout, transport=transport)
        return _requests.low_level_client(self._settings).set_async_httpx_client(http)

    async def close(self) -> None:
        """Close this event loop's connections, unless the `http_client` is the caller's own. A later use opens new ones."""
        from asyncio import get_running_loop

        pools = self._pools.pop(get_running_loop(), None)
        for client in pools.clear() if pools else ():
            await client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _connect(self, borrowed: httpx.AsyncClient | None) -> None:
        self._borrowed = borrowed
        self._borrowed_loop: asyncio.AbstractEventLoop | None = None
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pools[httpx.AsyncClient]] = WeakKeyDictionary()

    def _new_http(self) -> httpx.AsyncClient:
        from ._http.tls import late_context

        return httpx.AsyncClient(verify=late_context(), limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))

    def _http(self) -> httpx.AsyncClient:
        return self._borrowed_here() or self._pools_here().first()

    def _borrowed_here(self) -> httpx.AsyncClient | None:
        if self._borrowed is not None:
            from asyncio import get_running_loop

            if self._borrowed_loop not in {None, get_running_loop()}:
                why = "was used in another event loop before, to which its connections belong"
                raise InvalidRequestError([Problem("http_client", self._borrowed, why)])
            self._borrowed_loop = get_running_loop()
        return self._borrowed

    def _pools_here(self) -> Pools[httpx.AsyncClient]:
        from asyncio import get_running_loop

        loop = get_running_loop()
        pools = self._pools.get(loop)
        if pools is None:
            # Connections hold on to their loop, so that a weak reference alone would keep both for ever.
            for ended in [each for each in list(self._pools) if each.is_closed()]:
                self._pools.pop(ended, None)
            pools = self._pools[loop] = Pools(self._new_http)
        return pools

    @cached_property
    def _downloader(self) -> Downloader:
        from ._http.downloads import Downloader

        return Downloader(self._settings, async_client=self._http)

    async def _call(self, prepare: Callable[[], Call], *, files: bool = True) -> ImagesResult:
        downloader = self._downloader
        with await _in_thread(prepare) if files else prepare() as call:
            reply = await self._send(call, stream=False)
            if reply.size < _LARGE_BODY:
                return reply.result(call, downloader)
            return await _in_thread(partial(reply.result, call, downloader))

    def _stream(self, prepare: Callable[[], Call]) -> AsyncImageStream:
        from ._streams import AsyncImageStream

        return AsyncImageStream(prepare, self._send, self._downloader)

    async def _send(self, call: Call, *, stream: bool) -> Reply:
        from ._calls import asend

        borrowed = self._borrowed_here()
        if borrowed is not None:
            return await asend(call, self._settings, borrowed, stream=stream, borrowed=True)
        pools = self._pools_here()
        pool = pools.take()
        try:
            return await asend(call, self._settings, pool.client, stream=stream)
        finally:
            pools.give_back(pool)


async def _in_thread(work: Callable[[], Outcome]) -> Outcome:
    from asyncio import to_thread

    return await to_thread(work)
