"""The clients: connect, call, stream, close. What they offer is generated from the contract."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, Unpack

import httpx

from images_api_client.operations import ImageOperations

from ._http.pools import Connections, HTTPClient, at_once
from ._secrets import conceal_headers, concealed
from ._settings import AUTHORIZATION, MAX_DOWNLOAD_BYTES, MAX_RESPONSE_BYTES, APIKey, Settings, TimeoutTypes, Validation
from .options import ImageOptions  # noqa: TC001  typing.get_type_hints looks for it here

if TYPE_CHECKING:
    from ._calls import Call
    from ._requests.request import LowLevelClient
    from ._requests.uploads import ImageInput  # noqa: F401  what the operations take, named as a text below
    from ._results import ImagesResult
    from ._streams import AsyncImageStream, ImageStream


class _Client(Generic[HTTPClient]):
    """What both clients are made of."""

    _kind: type[HTTPClient]
    _low_level: LowLevelClient | None = None

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
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        paths: Mapping[str, str] | None = None,
        **defaults: Unpack[ImageOptions],
    ) -> None:
        """Make a client.

        Args:
            api_key: The key, or a callable that returns one, asked before each request. Without it, `OPENAI_API_KEY`; needed
                for the official host only.
            base_url: The prefix of all paths, such as `http://localhost:8080/v1`, taken as it is but for slashes and an
                operation's path at its end; a query behind it goes with every request. Without it, `OPENAI_BASE_URL`, then the
                official host.
            organization: Sent as `OpenAI-Organization`. Without it, `OPENAI_ORG_ID`.
            project: Sent as `OpenAI-Project`. Without it, `OPENAI_PROJECT_ID`.
            timeout: Seconds above 0 for a whole call, its retries and waits included but for the time in which an upload goes
                on, and for fetching a link; or an `httpx.Timeout` for each read and write. Without it, 600.
            max_retries: How often a request is sent again, from 0, when the server can't have begun with it.
            retry_ambiguous: Whether to send again also what may have run, and may then be billed twice.
            validate: `strict` refuses what breaks the contract, `warn` warns of it and sends, `off` sends.
            headers: Sent with every request.
            auth_header: The header that carries the key: after `Bearer` in `Authorization`, bare in any other (`api-key`).
            http_client: An `httpx.Client` to send with, for asyncio an `httpx.AsyncClient`; it is never closed here.
            max_download_bytes: The greatest size of an image that is fetched by its URL.
            max_response_bytes: The greatest size of a whole response, decoded.
            paths: A server's own paths under the base URL, by operation, such as `{"createImage": "/images"}`.
            **defaults: Options that every call takes where it says nothing itself, such as `model` or `size`, as `ImageOptions`
                lists them. `model=None` sends no model.

        Raises:
            InvalidRequestError: An argument breaks a rule, or the official host is meant and there is no key.
        """
        # What a display of this frame's variables would show.
        api_key, base_url, headers = concealed(api_key), concealed(base_url), headers and conceal_headers(headers)
        settings = Settings({name: value for name, value in locals().items() if name not in {"self", "http_client"}})
        self.__setstate__(settings, http_client)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, '_settings', 'that is not made')}>"

    def __copy__(self, _: object = None) -> Self:
        clone = type(self).__new__(type(self))
        clone.__setstate__(self._settings, self._connections.borrowed)
        return clone

    __deepcopy__ = __copy__

    def __getstate__(self) -> Settings:
        return self._settings

    def __setstate__(self, settings: Settings, borrowed: HTTPClient | None = None) -> None:
        self._settings, self._connections = settings, Connections(self._kind, borrowed)

    @property
    def low_level(self) -> LowLevelClient:
        """Return the generated client on the same connections, with the same key, for what this one doesn't cover.

        It is always the same one, until it is closed.
        """
        low_level = self._low_level
        if low_level is None or low_level.get_httpx_client().is_closed or low_level.get_async_httpx_client().is_closed:
            from ._http.low_level import SharedTransport
            from ._requests.request import low_level_client

            self._low_level = low_level = low_level_client(self._settings, SharedTransport(self._settings, self._connections))
        return low_level

    def _sent(self, operation: str, arguments: dict[str, Any], *, stream: bool) -> Coroutine[Any, Any, Call]:
        """Return a call that is answered; without an event loop, nothing in it waits for one."""
        from ._calls import sent

        return sent(self._settings, self._connections, operation, arguments, stream=stream)


class ImagesClient(_Client[httpx.Client], ImageOperations["ImageInput", "ImagesResult", "ImageStream"]):
    """A client of the Images API, for any number of threads."""

    _kind = httpx.Client

    def close(self) -> None:
        """End all calls, those of other threads too, and close the connections, unless the `http_client` is the caller's own.

        A later use, such as a link's, opens new ones.
        """
        at_once(self._connections.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, operation: str, arguments: dict[str, Any]) -> ImagesResult:
        return at_once(self._sent(operation, arguments, stream=False)).result()

    def _stream(self, operation: str, arguments: dict[str, Any]) -> ImageStream:
        from ._streams import ImageStream

        return ImageStream(partial(self._sent, operation, arguments, stream=True))


class AsyncImagesClient(
    _Client[httpx.AsyncClient], ImageOperations["ImageInput", Coroutine[Any, Any, "ImagesResult"], "AsyncImageStream"]
):
    """A client of the Images API for asyncio, with the calls of `ImagesClient`, to be awaited.

    Each event loop gets connections of its own; files are read and written in worker threads.
    """

    _kind = httpx.AsyncClient

    async def close(self) -> None:
        """End this event loop's calls and close their connections, unless the `http_client` is the caller's own.

        A later use opens new ones.
        """
        await self._connections.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, operation: str, arguments: dict[str, Any]) -> ImagesResult:
        call = await self._sent(operation, arguments, stream=False)
        if call.body.size < 1 << 20:  # bytes, which cost less to look at than a worker thread
            return call.result()
        from asyncio import to_thread

        return await to_thread(call.result)

    def _stream(self, operation: str, arguments: dict[str, Any]) -> AsyncImageStream:
        from ._streams import AsyncImageStream

        return AsyncImageStream(partial(self._sent, operation, arguments, stream=True))
