"""One call: sent, sent again where it can't be billed twice, refused or answered. Its I/O is an exchange's."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx

from ._contract.addresses import checked_url, same_origin
from ._errors import APIConnectionError, APIStatusError, ResponseError
from ._http.deadline import Deadline
from ._http.low_level import add_client_defaults
from ._http.retry import server_wait, wait_before_retry
from ._messages import shown_url
from ._responses.body import Body
from ._responses.events import EventReader
from ._responses.failures import billed_cost, connection_error, status_error
from ._responses.json import TooLargeError
from ._responses.result import Asked
from ._results import HTTPInfo
from ._secrets.concealed import SentURL
from ._secrets.quoted import Secrets

if TYPE_CHECKING:
    from ._http.pools import Pool
    from ._requests.request import CheckedRequest
    from ._results import ImageSource, ImagesResult
    from ._settings import Settings

_LOGGER = logging.getLogger("images_api")
_LOGGER.addHandler(logging.NullHandler())
_SAME_ELSEWHERE = (307, 308)
# What a request says of itself.
_NEEDED_HEADERS = frozenset({"accept", "content-type", "content-length", "transfer-encoding"})
# Nothing changes by itself.
_IN_VAIN = (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
_MOST_REDIRECTS = 5
# What says that there is no such model, or that it may not be used.
_REFUSALS = (400, 403, 404, 422)
_MODEL = re.compile("model|deployment", re.IGNORECASE)


@dataclass(repr=False)
class Call:
    """One call, without its I/O: what is sent, how often and for how long, and what becomes of the response.

    Attributes:
        checked: What to send.
        settings: What may be sent again.
        source: Fetches the images that come as links.
        stream: Whether the response is a stream of events, which is read later.
        pool: What it is sent with.
        borrowed: The caller's own httpx client, whose headers and cookies count.
        deadline: When it must have ended.
        request: What is sent next.
        response: The last response.
        http: What HTTP said of it.
    """

    checked: CheckedRequest
    settings: Settings
    source: ImageSource
    stream: bool
    pool: Pool[Any]
    borrowed: httpx.Client | httpx.AsyncClient | None = None
    deadline: Deadline = field(init=False)
    request: httpx.Request = field(init=False)
    response: httpx.Response = field(init=False)
    http: HTTPInfo = field(init=False)
    auth: Any = field(default=httpx.USE_CLIENT_DEFAULT, init=False)

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.checked.timeout)
        self.request = self.checked.http
        self._begun = time.monotonic()
        self._made = 0
        self._redirects = 0
        if self.borrowed is not None:
            add_client_defaults(self.request, self.borrowed)
        self.secrets = Secrets.of(self.request)

    @property
    def size(self) -> int:
        """Return how many bytes of the body came."""
        return self._body.size

    def begin(self, response: httpx.Response) -> bool:
        """Take a response's status and headers, and return whether to read its body now."""
        self.response = response
        self._body = Body(response.headers, self.settings.max_response_bytes, is_success=response.is_success)
        self._cut: httpx.HTTPError | None = None
        read_later = self.stream and response.is_success
        if read_later:
            self._take_info(None)
        return not read_later

    def receive(self, chunk: bytes) -> None:
        """Take the next chunk of the body."""
        self._body.write(chunk)

    def end(self, cut: httpx.HTTPError | None) -> float | None:
        """Return the seconds to wait before the next try; None when the call has succeeded.

        Raises:
            APIConnectionError: There was no whole answer.
            APIStatusError: The server refused or failed.
        """
        self._take_info(cut)
        if self.http.is_success and (cut is None or isinstance(cut, TooLargeError) or self._body.is_whole()):
            self._cut = cut
            return None
        return 0.0 if self._redirected() else self._pause_after(self._error(cut), cut)

    def fail(self, error: httpx.HTTPError) -> float:
        """Return the seconds to wait before the next try after one without a response.

        Raises:
            APIConnectionError: There is no next try.
        """
        self._log(None, error)
        self.secrets.hide_in_error(error)
        return self._pause_after(connection_error(error, self._elapsed, where=self._where), error)

    def result(self) -> ImagesResult:
        """Return the images.

        Raises:
            NoImageError: There is none in the response.
            APIStatusError: The server sent an error in a successful response.
            ResponseError: The response can't be understood, or an image in it is broken.
        """
        try:
            reader = self.events
            deque(reader.finish(self._cut), maxlen=0)
            return reader.result()
        except ResponseError as error:
            if self.secrets.occur_in(error.body):
                error.args = ("the response can't be understood, and quotes the key",)
            raise

    @cached_property
    def events(self) -> EventReader:
        """Return what makes events of the response."""
        return EventReader(self.http, self._body, self._asked)

    @property
    def _asked(self) -> Asked:
        return Asked(self.response.request.url, self.checked.subject, self.checked.images, self.source, self.secrets)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _take_info(self, cut: httpx.HTTPError | None) -> None:
        status, headers = self.response.status_code, self.secrets.hidden_in_headers(self.response.headers)
        self._log(status, cut)
        wait = None if self.response.is_success else server_wait(headers)
        self.http = HTTPInfo(status, headers, self._elapsed, wait, billed_cost(headers))

    def _error(self, cut: httpx.HTTPError | None) -> APIConnectionError | APIStatusError:
        body = self._body.read()
        self.secrets.hide_in_error(cut)
        if cut is not None and self.http.is_success:
            return connection_error(cut, self.http.elapsed, body, self._where)
        error = status_error(self.http, body, self.response.request.url, self.secrets)
        if self.checked.about_model and error.status_code in _REFUSALS and _MODEL.search(f"{error.param} {error}"):
            error.args = (f"{error} ({self.checked.about_model})",)
        return error

    @property
    def _where(self) -> str:
        """Say where the request went, and how often."""
        proxy = self.request.extensions.get("proxy")
        by = f" by the proxy {shown_url(proxy)}" if proxy else ""
        return f" from {self.request.url.netloc.decode('ascii')}{by}, try {self._made + 1}"

    def _redirected(self) -> bool:
        """Take a redirect that asks for the same request elsewhere, but none to a place that is less safe."""
        old = self.request
        location = self.response.headers.get("location")
        if self.http.status_code not in _SAME_ELSEWHERE or not location or self._redirects == _MOST_REDIRECTS:
            return False
        try:
            url = checked_url(location, base=httpx.URL.__str__(old.url))
        except ValueError:
            return False
        if (old.url.scheme, url.scheme) == ("https", "http"):
            return False
        self._redirects += 1
        is_near = same_origin(url, old.url)
        # Elsewhere, whatever the caller or a client added may be a key.
        kept = {name: value for name, value in old.headers.items() if is_near or name in _NEEDED_HEADERS}
        self.auth = self.auth if is_near else None
        self.request = httpx.Request(old.method, url, headers=kept | {"host": url.netloc.decode("ascii")}, stream=old.stream)
        self.request.url = SentURL(url)
        return True

    def _pause_after(self, error: APIConnectionError | APIStatusError, cause: Exception | None) -> float:
        ambiguous = self.settings.retry_ambiguous
        is_over = self._made == self.checked.max_retries or self.pool.end.is_set() or isinstance(cause, _IN_VAIN)
        pause = None if is_over else wait_before_retry(error, self._made, ambiguous=ambiguous)
        if pause is None or pause >= self.deadline.left:
            raise error from cause
        self._made += 1
        _LOGGER.info("waiting %.1f s before try %d: %s", pause, self._made + 1, error)
        return pause

    def _log(self, status: int | None, cut: httpx.HTTPError | None) -> None:
        if _LOGGER.isEnabledFor(logging.DEBUG):
            url = self.request.url.copy_with(userinfo=b"", query=None)
            outcome = ", cut by ".join(map(str, filter(None, (status, cut and type(cut).__name__))))
            _LOGGER.debug("POST %s, try %d: %s after %.2f s", url, self._made + 1, outcome, self._elapsed)
