"""Fetch an image by its URL: from which addresses, how much, and what a failure means.

The key goes to the base URL's own origin alone, and a failed download never sends the request again that was paid for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from images_api._errors import DownloadError
from images_api._images.base64 import BrokenImageError, check_image, decode_text
from images_api._images.spool import Content, Spool
from images_api._messages import shown_url
from images_api._secrets import Secrets
from images_api._settings import user_agent

from .exchange import Exchange, exchange
from .pools import at_once, running_loop
from .retry import read_date

if TYPE_CHECKING:
    from images_api._settings import Settings, TimeoutTypes

    from .pools import Connections, Pool

_TRIES = 3
_PAUSE = 0.5
_PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Downloader:
    """Fetches the images of one client's results.

    Attributes:
        settings: Where the base URL, the key and the size limit stand.
        connections: What to fetch with.
        timeout: How long each may take; that of the call.
    """

    settings: Settings
    connections: Connections[Any]
    timeout: TimeoutTypes

    def fetch(self, url: str) -> Content:
        """Return the image at a URL.

        Raises:
            DownloadError: It can't be read, or isn't a whole image of an allowed size.
        """
        if url.startswith("data:"):
            try:
                content = Content(decode_text(url))
                check_image(content)
            except BrokenImageError as error:
                raise DownloadError(f"the image's data URL {error}", url="data:") from error
            return content
        if self.connections.is_async:
            raise DownloadError("the image belongs to an async client: use `await image.aread()`", url=shown_url(url))
        return at_once(self._downloaded(url)).checked()

    async def afetch(self, url: str) -> Content:
        """Return the image at a URL.

        Raises:
            DownloadError: It can't be read, or isn't a whole image of an allowed size.
        """
        running_loop()
        from asyncio import to_thread

        if url.startswith("data:") or not self.connections.is_async:
            return await to_thread(self.fetch, url)
        download = await self._downloaded(url)
        return await to_thread(download.checked)

    async def _downloaded(self, url: str) -> _Download:
        with self.connections.pool() as pool:
            return await exchange(_Download(self, url, pool))

    def __deepcopy__(self, _: object) -> Downloader:
        return self

    def __reduce__(self) -> tuple[type[NoSource], tuple[()]]:
        # Connections don't travel, and the key must not.
        return NoSource, ()


class NoSource:
    """What is left of a downloader in another process."""

    def fetch(self, url: str) -> Content:
        """Refuse.

        Raises:
            DownloadError: Always.
        """
        raise DownloadError("the image was never fetched, and its client is gone", url=shown_url(url))

    async def afetch(self, url: str) -> Content:
        """Refuse.

        Raises:
            DownloadError: Always.
        """
        return self.fetch(url)


class _Download(Exchange):
    """One download without its I/O: where to, tries, size, and whether the image is whole."""

    def __init__(self, source: Downloader, url: str, pool: Pool[Any]) -> None:
        self.settings, self.url = source.settings, url
        self._status: int | None = None
        super().__init__(httpx.Request("GET", self.settings.base_url, headers={"Accept": "image/*"}), source.timeout, pool)
        self._move(url)
        self.request.headers.update(self.settings.headers_for(self.request.url))
        self.redirects = 0

    def begin(self, response: httpx.Response) -> None:
        self.content, self._status = Spool().new(), response.status_code
        length = response.headers.get("content-length", "")
        self._check_size(int(length) if length.isdecimal() and response.is_success else 0)

    def receive(self, chunk: bytes) -> None:
        self._check_size(self.content.size + len(chunk))
        self.content.write(chunk)

    def end(self, response: httpx.Response | None, fault: httpx.HTTPError | None) -> float | None:
        if response is None or fault is not None or self._status in _PASSING_STATUSES:
            Secrets.of(self.request).hide_in_error(fault)
            reason = f"{type(fault).__name__}: {fault}" if fault else f"status {self._status}"
            error = self._error(f"the image could not be fetched in {self.tries} of {_TRIES} tries ({reason})")
            return self.next_try(_PAUSE * (1 << self.tries - 1) if self.tries < _TRIES else None, error, fault)
        if response.has_redirect_location:
            self._move(response.headers["location"])
            return 0.0
        if not response.is_success:
            raise self._error(f"the image's link answered {self._status}{_expiry(self.url)}")
        return None

    def checked(self) -> Content:
        """Return the image, which takes a while where it is large."""
        self.content.close()
        try:
            check_image(self.content)
        except BrokenImageError as error:
            raise self._error(f"what the image's link gave {error}") from error
        return self.content

    def _move(self, link: str) -> None:
        try:
            self.move(urljoin(self.url, link) if self._status else _resolved(link, self.settings.base_url))
        except ValueError as error:
            raise self._error(f"the image's link {error}") from error
        self.url = httpx.URL.__str__(self.request.url)
        self.request.headers.setdefault("User-Agent", user_agent())

    def _check_size(self, size: int) -> None:
        if size > self.settings.max_download_bytes:
            raise self._error(f"the image is larger than max_download_bytes, {self.settings.max_download_bytes}")

    def _error(self, message: str) -> DownloadError:
        return DownloadError(message, url=shown_url(self.url), status_code=self._status)


def _resolved(link: str, base_url: str) -> str:
    """Return a link, or the one that a path under the base URL's own, or one relative to it, stands for."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", link)
    if scheme and scheme[1].lower() not in {"http", "https"}:
        raise ValueError(f"must be http, https or data, not {scheme[1].lower()}")
    base = urlsplit(base_url)._replace(query="", fragment="").geturl().rstrip("/") + "/"
    if not scheme and not (urljoin(base, link).startswith(base) and re.fullmatch(r"(?!//)[^\\\s\x00-\x1f]+", link)):
        raise ValueError(f"is none, the server gave a path of its own ({shown_url(link)}): ask for response_format='b64_json'")
    return link if scheme else urljoin(base, link)


def _expiry(url: str) -> str:
    """Say when a signed URL ends: by Azure's `se`, Amazon's date and seconds, or an `Expires` of any kind."""
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    text = query.get("x-amz-date") or query.get("se") or query.get("expires") or ""
    try:
        begin = datetime.fromtimestamp(int(text), UTC) if "expires" in query and text.isdecimal() else read_date(text)
        end = begin and begin + timedelta(seconds=int(query.get("x-amz-expires", "0")))
        return f"; it {'expired at' if end < datetime.now(UTC) else 'is valid until'} {end:%Y-%m-%d %H:%M} UTC" if end else ""
    except (ValueError, OverflowError, OSError):
        return ""
