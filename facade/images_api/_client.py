"""The client: a thin shell that connects, sends, retries and closes. All else is in the pure modules beside."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import httpx

from . import _replies, _requests
from ._downloads import Downloader
from ._errors import APIConnectionError, APIStatusError
from ._http import HTTPInfo
from ._retry import wait_before_retry
from ._settings import AUTHORIZATION, MAX_DOWNLOAD_BYTES, make_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Unpack

    from ._requests import Call, EditOptions, GenerateOptions, VariationOptions
    from ._results import ImagesResult
    from ._settings import APIKey, Settings, TimeoutTypes, Validation
    from ._uploads import ImageInput

_LOGGER = logging.getLogger("images_api")
_LOGGER.addHandler(logging.NullHandler())
_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
# A server on this very machine is never reached by way of a proxy.
_DIRECT = ("all://localhost", "all://127.0.0.1", "all://[::1]")


class ImagesClient:
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
        http_client: httpx.Client | None = None,
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

    def generate(self, prompt: str, **options: Unpack[GenerateOptions]) -> ImagesResult:
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
        with _requests.generate(self._settings, prompt, options) as call:
            return self._send(call)

    def edit(
        self,
        image: ImageInput | Sequence[ImageInput],
        prompt: str,
        *,
        mask: ImageInput | None = None,
        markup: ImageInput | None = None,
        **options: Unpack[EditOptions],
    ) -> ImagesResult:
        """Edit a picture, or make one out of several.

        Args:
            image: A picture, or a list of up to 16: a path, bytes, a binary file, a PIL picture, or a tuple of file
                name and one of these. Or, all of them, links, `data:` URLs or file ids.
            prompt: What the picture should become.
            mask: A png of the first picture's size with an alpha channel; where it is fully transparent, the picture
                is edited.
            markup: Likewise, with drawings that say what to change; gpt-image-2.5 and later, and not with a mask.
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
        with _requests.edit(self._settings, image, prompt, options, mask=mask, markup=markup) as call:
            return self._send(call)

    def create_variation(self, image: ImageInput, **options: Unpack[VariationOptions]) -> ImagesResult:
        """Make variations of a picture. The official host no longer answers this; compatible servers do.

        Args:
            image: A path, bytes, a binary file, a PIL picture, a `data:` URL, or a tuple of file name and one of these.
                For dall-e-2, a square png under 4 MB.
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
        with _requests.variation(self._settings, image, options) as call:
            return self._send(call)

    def close(self) -> None:
        """Close the connections, unless the `http_client` is the caller's own."""
        if self._borrowed is None and self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings!r}>"

    def __getstate__(self) -> Settings:
        return self._settings

    def __setstate__(self, settings: Settings) -> None:
        self._settings = settings
        self._connect(None)

    def _connect(self, borrowed: httpx.Client | None) -> None:
        self._borrowed = borrowed
        self._own: httpx.Client | None = None
        self._lock = threading.Lock()
        self._downloader = Downloader(self._settings, client=self._http)

    def _http(self) -> httpx.Client:
        if self._borrowed is not None:
            return self._borrowed
        with self._lock:
            if self._own is None:
                self._own = httpx.Client(limits=_LIMITS, mounts=dict.fromkeys(_DIRECT))
            return self._own

    def _send(self, call: Call) -> ImagesResult:
        tries = _Tries(call, self._settings)
        while True:
            try:
                response = self._http().send(call.request, stream=True, follow_redirects=tries.follow_redirects)
                try:
                    body = response.read()
                finally:
                    response.close()
            except httpx.HTTPError as error:
                pause = tries.pause_after(_replies.connection_error(error, tries.elapsed), error)
            else:
                http = tries.info(response)
                if response.is_success:
                    return _replies.read_result(http, body, call.subject, self._downloader)
                pause = tries.pause_after(_replies.status_error(http, body, response.request.url))
            time.sleep(pause)


class _Tries:
    """The bookkeeping of one call: how often it was sent, for how long, and whether it may be sent again."""

    def __init__(self, call: Call, settings: Settings) -> None:
        self._call = call
        self._settings = settings
        self._begun = time.monotonic()
        self._made = 0
        # httpx drops a key on the way to another host from `Authorization` only.
        self.follow_redirects = settings.auth_header == AUTHORIZATION

    @property
    def elapsed(self) -> float:
        """Return the seconds since the first try."""
        return time.monotonic() - self._begun

    def info(self, response: httpx.Response) -> HTTPInfo:
        """Return what HTTP said of a reply."""
        self._log(str(response.status_code))
        return HTTPInfo(response.status_code, response.headers, self.elapsed)

    def pause_after(self, error: APIConnectionError | APIStatusError, cause: Exception | None = None) -> float:
        """Return how long to wait before the next try, or raise the error when there is none."""
        if isinstance(error, APIConnectionError):
            self._log(type(cause).__name__)
        ambiguous = self._settings.retry_ambiguous
        pause = wait_before_retry(error, self._made, ambiguous=ambiguous) if self._made < self._call.max_retries else None
        if pause is None:
            raise error from cause
        self._made += 1
        return pause

    def _log(self, outcome: str) -> None:
        url = self._call.request.url.copy_with(userinfo=b"", query=None)
        _LOGGER.debug("POST %s, try %d: %s after %.2f s", url, self._made + 1, outcome, self.elapsed)
