"""One loop from a request to its response, for calls and downloads: the only place that sends, receives and waits.

httpx bounds single reads and writes alone, so that a trickle may go on for ever; here, all of it has a deadline.
"""

import logging
import re
from math import ceil, inf
from time import monotonic
from typing import Any, TypeVar

import httpx

from images_api._contract.addresses import checked_url, same_origin
from images_api._errors import ImagesAPIError
from images_api._secrets import SentURL
from images_api._settings import TimeoutTypes, phases

from .pools import Bound, Pool

Each = TypeVar("Each", bound="Exchange")

LOGGER = logging.getLogger("images_api")
LOGGER.addHandler(logging.NullHandler())
_MOST_REDIRECTS = 5
# What a request says of itself.
_NEEDED_HEADERS = frozenset({"accept", "content-type", "content-length", "transfer-encoding"})
# What a network, a certificate or a redirect may set off, and a client that is closed: not all of it comes as httpx's own.
FAULTS = (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError, UnicodeError)
_UNSENT = (httpx.LocalProtocolError, httpx.ConnectError, RuntimeError)


class Exchange:
    """What is sent, and what becomes of the response: all of an exchange but its I/O.

    Args:
        request: What is sent first.
        timeout: How long all of it may take.
        pool: What to send with.

    Attributes:
        request: What is sent next.
        stream: Whether the body of a success is to be read elsewhere.
        auth: What httpx takes: its client's own authentication, or None for none.
        deadline: When it must have ended.
        tries: How many there are with the one that is made.
    """

    stream = False
    auth: Any = None

    def __init__(self, request: httpx.Request, timeout: TimeoutTypes, pool: Pool[Any]) -> None:
        self.request, self.pool = request, pool
        self.deadline = Deadline(timeout)
        self.tries, self.redirects = 1, 0

    def begin(self, response: httpx.Response) -> None:
        """Take a response's status and headers."""

    def receive(self, chunk: bytes) -> None:
        """Take the next chunk of the body, decoded."""

    def end(self, response: httpx.Response | None, fault: httpx.HTTPError | None) -> float | None:
        """Take the end of a response, or what went wrong, and return the seconds before the next request; None: there is none."""

    def next_try(self, pause: float | None, error: ImagesAPIError, fault: Exception | None) -> float:
        """Return the seconds to wait before the same request is sent again.

        Args:
            pause: How long to wait; None where it must not be sent again.
            error: What the last try means.
            fault: What caused the error.

        Raises:
            ImagesAPIError: The error; there is no next try.
        """
        if pause is None or pause >= self.deadline.left or self.pool.end.is_set() or isinstance(fault, httpx.LocalProtocolError):
            raise error from fault
        self.tries += 1
        LOGGER.info("waiting %.1f s before try %d: %s", pause, self.tries, error)
        return pause

    def move(self, address: str) -> None:
        """Ask for the same at another address next, with nothing that may be a key where that is of another origin.

        Raises:
            ValueError: That may not be; the text of the error says why, and quotes nothing.
        """
        old, url = self.request, checked_url(address)
        if (old.url.scheme, url.scheme) == ("https", "http"):
            raise ValueError("is not encrypted, though what led to it is")
        if self.redirects == _MOST_REDIRECTS:
            raise ValueError(f"was redirected more than {_MOST_REDIRECTS} times")
        self.redirects += 1
        is_near = same_origin(url, old.url)
        kept = {name: value for name, value in old.headers.items() if is_near or name in _NEEDED_HEADERS}
        self.auth = self.auth if is_near else None
        self.request = httpx.Request(old.method, url, headers=kept | {"host": url.netloc.decode("ascii")}, stream=old.stream)
        self.request.url = _ExactURL(address)


class _ExactURL(SentURL):
    """A URL whose path and query are sent byte for byte: a signature covers them, and httpx quotes some of them anew."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._given = url if url.isascii() and " " not in url else httpx.URL.__str__(self)

    @property
    def raw_path(self) -> bytes:
        """Return the path and query."""
        target = re.sub(r"^[^:]*://[^/?#]*|#.*", "", self._given)
        return (target if target.startswith("/") else f"/{target}").encode()


class Deadline:
    """The moment at which an exchange ends, its tries and waits included; never, where each phase has a timeout of its own.

    Time that the exchange doesn't spend waiting for the server doesn't count: that in which a request goes out, each write of
    which is bounded, and that in which the app looks at an event.

    Args:
        timeout: Seconds for the whole, or an `httpx.Timeout`.
    """

    def __init__(self, timeout: TimeoutTypes) -> None:
        self._phases = phases(timeout).as_dict()
        self._moment = inf if isinstance(timeout, httpx.Timeout) else monotonic() + timeout

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return self._moment - monotonic()

    def extensions(self, pool: Pool[Any]) -> dict[str, Any]:
        """Return the extensions of the next request: https://www.python-httpx.org/advanced/extensions/.

        Args:
            pool: What it is sent with.
        """
        # In tenths, so that of a call that has just begun each phase may take all of it; with zero, httpx wouldn't wait at all.
        most = max(ceil(self.left * 10) / 10, 0.1) if self.left < inf else inf
        timeouts = {phase: seconds and min(seconds, most) for phase, seconds in self._phases.items()}
        if timeouts["read"]:
            timeouts["read"] = bound = Bound(timeouts["read"])
            bound.deadline = self

        def trace(event: str, info: dict[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                pool.watch(info["return_value"])
            elif event.endswith("send_request_headers.started") and pool.end.is_set():
                raise httpx.LocalProtocolError("the client was closed")
            elif event.endswith("send_request_body.started"):
                self.pause()
            elif "send_request_body" in event:
                self.go_on()

        async def atrace(event: str, info: dict[str, Any]) -> None:
            trace(event, info)

        return {"timeout": timeouts, "trace": atrace if pool.is_async else trace}

    def pause(self) -> None:
        """Let no time pass."""
        self._paused = monotonic()

    def go_on(self) -> None:
        """Let time pass again."""
        self._moment += monotonic() - self._paused


async def exchange(each: Each) -> Each:
    """Send a request, and the next, until there is an answer that counts, and return what has taken it.

    Nothing here waits for an event loop where none is.

    Args:
        each: What to send, and what to make of the responses; whatever it raises ends the exchange.
    """
    pause: float | None = 0.0
    while pause is not None:
        await each.pool.wait(pause)
        response, fault = None, None
        each.request.extensions = each.deadline.extensions(each.pool)
        try:
            response = await each.pool.send(each.request, auth=each.auth, follow_redirects=False)
            is_read_here = not (each.stream and response.is_success)
            try:
                each.begin(response)
                if is_read_here:
                    async for chunk in each.pool.chunks(response):
                        each.receive(chunk)
            finally:
                if is_read_here:
                    await each.pool.close(response)
        except FAULTS as error:
            fault = _known(error, each.pool)
        pause = each.end(response, fault)
    return each


def _known(error: Exception, pool: Pool[Any]) -> httpx.HTTPError:
    """Return a fault as an error of httpx; what is the app's own, or ours, is raised as it is."""
    known: httpx.HTTPError
    if isinstance(error, ImagesAPIError):
        raise error
    if pool.end.is_set():
        known = (httpx.LocalProtocolError if isinstance(error, _UNSENT) else httpx.ReadError)("the client was closed")
    elif isinstance(error, httpx.InvalidURL | UnicodeError) or "location header" in str(error):
        known = httpx.LocalProtocolError("the server redirects to what is no URL")
    elif isinstance(error, httpx.HTTPError):
        return error
    elif isinstance(error, OSError):
        known = httpx.ReadError(f"{type(error).__name__}: {error}")
    else:
        raise error
    known.__cause__ = error
    return known
