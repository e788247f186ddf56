"""Fetch an image by its URL: from which addresses, how much, and what a failure means.

The key goes to the base URL's own origin alone, and a failed download never sends the request again that was paid for.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from images_api._contract.addresses import checked_url, same_origin
from images_api._errors import DownloadError
from images_api._images.base64 import BrokenImageError, check_image, decode_data_url
from images_api._images.spool import Content, Spool
from images_api._messages import shown_url
from images_api._secrets.concealed import SentURL
from images_api._secrets.quoted import Secrets
from images_api._settings import user_agent

from .dates import read_date
from .deadline import Deadline
from .exchange import aexchange, exchange
from .pools import running_loop

if TYPE_CHECKING:
    from images_api._settings import Settings, TimeoutTypes

    from .pools import Connections

_LOGGER = logging.getLogger("images_api")
_TRIES = 3
_PAUSE = 0.5
_REDIRECTS = 5
_EXPIRED_STATUSES = frozenset({400, 401, 403, 404, 410})
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
            return _from_data_url(url)
        if self.connections.kind is httpx.AsyncClient:
            raise DownloadError("the image belongs to an async client: use `await image.aread()`", url=shown_url(url))
        download = _Download(self, url)
        exchange(download, self.connections.first())
        return download.checked()

    async def afetch(self, url: str) -> Content:
        """Return the image at a URL.

        Raises:
            DownloadError: It can't be read, or isn't a whole image of an allowed size.
        """
        running_loop()
        from asyncio import to_thread

        if url.startswith("data:") or self.connections.kind is not httpx.AsyncClient:
            return await to_thread(self.fetch, url)
        download = _Download(self, url)
        await aexchange(download, self.connections.first())
        return await to_thread(download.checked)

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


class _ExactURL(SentURL):
    """A URL whose path and query are sent byte for byte: a signature covers them, and httpx quotes some of them anew."""

    @property
    def raw_path(self) -> bytes:
        """Return the path and query."""
        target = re.sub(r"^[^:]*://[^/?#]*|#.*", "", self._given)
        return (target if target.startswith("/") else f"/{target}").encode()

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._given = url if url.isascii() and " " not in url else httpx.URL.__str__(self)


class _Download:
    """One download without its I/O: tries, redirects, size, and whether the image is whole."""

    auth = None

    def __init__(self, source: Downloader, url: str) -> None:
        self.settings = source.settings
        self.deadline = Deadline(source.timeout)
        self.url = url
        self._leaves_origin = False
        self.content = Spool().new()
        self._redirects = 0
        self._tries = 0
        self._status = 0
        self.request = self._request(url)
        self._location: str | None = None

    def begin(self, response: httpx.Response) -> bool:
        self.content = Spool().new()
        self._status = response.status_code
        self._location = response.headers.get("location") if response.is_redirect else None
        if response.is_success:
            length = response.headers.get("content-length", "")
            self._check_size(int(length) if length.isdecimal() else 0)
        return True

    def receive(self, chunk: bytes) -> None:
        self._check_size(self.content.size + len(chunk))
        self.content.write(chunk)

    def end(self, cut: httpx.HTTPError | None) -> float | None:
        self.content.close()
        if cut is not None:
            return self.fail(cut)
        if self._location is not None:
            return self._redirected(self._location)
        if self._status in _PASSING_STATUSES:
            return self.fail(None)
        if not 200 <= self._status < 300:  # noqa: PLR2004  the success statuses
            expiry = _expiry(self.url) if self._status in _EXPIRED_STATUSES else ""
            raise self._error(f"the image's link answered {self._status}{expiry}")
        return None

    def checked(self) -> Content:
        """Return the image, which takes a while where it is large."""
        try:
            check_image(self.content)
        except BrokenImageError as error:
            raise self._error(f"what the image's link gave {error}") from error
        return self.content

    def fail(self, error: httpx.HTTPError | None) -> float:
        self._tries += 1
        pause = _PAUSE * (1 << self._tries - 1)
        Secrets.of(self.request).hide_in_error(error)
        reason = f"{type(error).__name__}: {error}" if error else f"status {self._status}"
        if self._tries == _TRIES or pause >= self.deadline.left or isinstance(error, httpx.LocalProtocolError):
            raise self._error(f"the image could not be fetched in {self._tries} of {_TRIES} tries ({reason})") from error
        _LOGGER.info("waiting %.1f s before the image is fetched again: %s", pause, reason)
        return pause

    def _redirected(self, location: str) -> float:
        self._redirects += 1
        if self._redirects > _REDIRECTS:
            raise self._error(f"the image's link was redirected more than {_REDIRECTS} times")
        self.request = self._request(location, self.request.url)
        return 0.0

    def _request(self, target: str, old: httpx.URL | None = None) -> httpx.Request:
        try:
            self.url = urljoin(self.url, target) if old else self._resolved(target)
            self._check_address((old or httpx.URL(self.settings.base_url)).scheme)
            url, exact = checked_url(self.url), _ExactURL(self.url)
        except ValueError as error:
            raise self._error(f"the image's link {error}") from error
        self._leaves_origin = self._leaves_origin or (old is not None and not same_origin(url, old))
        headers = {} if self._leaves_origin else self.settings.headers_for(url)
        request = httpx.Request("GET", url, headers={"Accept": "image/*", "User-Agent": user_agent(), **headers})
        request.url = exact
        return request

    def _check_size(self, size: int) -> None:
        if size > self.settings.max_download_bytes:
            raise self._error(f"the image is larger than max_download_bytes, {self.settings.max_download_bytes}")

    def _check_address(self, came_by: str) -> None:
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", self.url)
        kind = scheme[1].lower() if scheme else ""
        if not kind:
            what = f"the server gave a path of its own instead of a link ({shown_url(self.url)})"
            raise self._error(f"{what}: ask for response_format='b64_json'")
        if kind not in {"http", "https"}:
            raise self._error(f"an image's link must be http, https or data, not {kind}")
        if (came_by, kind) == ("https", "http"):
            raise self._error("the image's link is not encrypted, though what led to it is")

    def _resolved(self, target: str) -> str:
        """Take a path under the base URL's own, or one relative to it, for the link that it stands for."""
        base = urlsplit(self.settings.base_url)._replace(query="", fragment="").geturl().rstrip("/") + "/"
        link = urljoin(base, target)
        return link if link.startswith(base) and re.fullmatch(r"(?!//)[^\\\s\x00-\x1f]+", target) else target

    def _error(self, message: str) -> DownloadError:
        return DownloadError(message, url=shown_url(self.url), status_code=self._status or None)


def _expiry(url: str) -> str:
    """Say when a signed URL ends: by Azure's `se`, Amazon's date and seconds, or an `Expires` of any kind."""
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        end: datetime | None
        if query.get("expires", "").isdecimal():
            end = datetime.fromtimestamp(int(query["expires"]), UTC)
        else:
            end = read_date(query.get("x-amz-date") or query.get("se") or query.get("expires") or "")
            end = end and end + timedelta(seconds=int(query.get("x-amz-expires", "0")))
        return f"; it {'expired at' if end < datetime.now(UTC) else 'is valid until'} {end:%Y-%m-%d %H:%M} UTC" if end else ""
    except (ValueError, OverflowError, OSError):
        return ""


def _from_data_url(url: str) -> Content:
    try:
        content = Content.of(decode_data_url(url))
        check_image(content)
    except BrokenImageError as error:
        raise DownloadError(f"the image's data URL {error}", url="data:") from error
    return content
