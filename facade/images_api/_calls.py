"""One call: sent, sent again where it can't be billed twice, refused or answered. Its I/O is an exchange's."""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from ._errors import APIConnectionError, APIStatusError, ResponseError
from ._http.low_level import add_client_defaults
from ._http.retry import server_wait, wait_before_retry
from ._responses.body import Body
from ._responses.events import EventReader
from ._responses.failures import billed_cost, connection_error, status_error
from ._responses.json import TooLargeError
from ._responses.result import Asked
from ._results import HTTPInfo
from ._secrets.quoted import Secrets
from ._settings import same_origin

if TYPE_CHECKING:
    from ._requests.request import CheckedRequest
    from ._results import ImageSource, ImagesResult
    from ._settings import Settings

_LOGGER = logging.getLogger("images_api")
_LOGGER.addHandler(logging.NullHandler())
_SAME_ELSEWHERE = (307, 308)
_MOST_REDIRECTS = 5
# What a request needs, whoever it goes to; all else may be meant for one server.
_NEEDED_HEADERS = {"accept", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
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
        borrowed: The caller's own httpx client, whose headers and cookies count.
        request: What is sent next.
        response: The last response.
        http: What HTTP said of it.
    """

    checked: CheckedRequest
    settings: Settings
    source: ImageSource
    stream: bool
    borrowed: httpx.Client | httpx.AsyncClient | None = None
    request: httpx.Request = field(init=False)
    response: httpx.Response = field(init=False)
    http: HTTPInfo = field(init=False)
    auth: Any = field(default=httpx.USE_CLIENT_DEFAULT, init=False)

    def __post_init__(self) -> None:
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
        return self._pause_after(connection_error(error, self._elapsed), error)

    def result(self) -> ImagesResult:
        """Return the images.

        Raises:
            NoImageError: There is none in the response.
            APIStatusError: The server sent an error in a successful response.
            ResponseError: The response can't be understood, or an image in it is broken.
        """
        try:
            reader = self.events()
            deque(reader.finish(self._cut), maxlen=0)
            return reader.result()
        except ResponseError as error:
            if self.secrets.occur_in(error.body):
                error.args = ("the response can't be understood, and quotes the key",)
            raise

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
            return connection_error(cut, self.http.elapsed, body)
        error = status_error(self.http, body, self.response.request.url, self.secrets)
        if self.checked.about_model and error.status_code in _REFUSALS and _MODEL.search(f"{error.param} {error}"):
            error.args = (f"{error} ({self.checked.about_model})",)
        return error

    def _redirected(self) -> bool:
        """Take a redirect that asks for the same request elsewhere; others would turn it into another one."""
        following = self.response.next_request if self.http.status_code in _SAME_ELSEWHERE else None
        if following is None or self._redirects == _MOST_REDIRECTS:
            return False
        self._redirects += 1
        if not same_origin(following.url, self.request.url):
            for name in following.headers.keys() - _NEEDED_HEADERS:
                del following.headers[name]
        self.request = following
        return True

    def _pause_after(self, error: APIConnectionError | APIStatusError, cause: Exception | None) -> float:
        ambiguous = self.settings.retry_ambiguous
        pause = wait_before_retry(error, self._made, ambiguous=ambiguous) if self._made < self.checked.max_retries else None
        if pause is None:
            raise error from cause
        self._made += 1
        return pause

    def _log(self, status: int | None, cut: httpx.HTTPError | None) -> None:
        if _LOGGER.isEnabledFor(logging.DEBUG):
            url = self.request.url.copy_with(userinfo=b"", query=None)
            outcome = ", cut by ".join(map(str, filter(None, (status, cut and type(cut).__name__))))
            _LOGGER.debug("POST %s, try %d: %s after %.2f s", url, self._made + 1, outcome, self._elapsed)
