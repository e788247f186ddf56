"""What HTTP said of a reply, beside its body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

_REQUEST_ID_HEADERS = ("x-request-id", "apim-request-id", "x-correlation-id")
_RATE_LIMIT_PREFIX = "x-ratelimit-"
_SHOWN_URL = 200


def shown_url(url: str) -> str:
    """Return a URL as it may be shown: without the user, query and fragment, which may be secret, and not too long."""
    if url.startswith("data:"):
        return "data:"
    address = re.split(r"[?#]", url, maxsplit=1)[0]
    return re.sub(r"^(\w+://)?.*@", r"\1", address)[:_SHOWN_URL]


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Return whether two URLs share scheme, host and port, so that a key for one may go to the other."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


@dataclass(frozen=True, slots=True, repr=False)
class HTTPInfo:
    """The HTTP side of a reply.

    Attributes:
        status_code: The status, any integer.
        headers: The headers of the reply.
        elapsed: Seconds from sending the request to the end of the reply, all tries and waits included.
    """

    status_code: int
    headers: httpx.Headers
    elapsed: float

    @property
    def is_success(self) -> bool:
        """Return whether the status is one of the 2xx."""
        return self.status_code // 100 == 2  # noqa: PLR2004  the class of success

    @property
    def request_id(self) -> str | None:
        """Return the id to quote to the provider's support, if the server gave one."""
        return next((value for name in _REQUEST_ID_HEADERS if (value := self.headers.get(name))), None)

    @property
    def rate_limits(self) -> dict[str, str]:
        """Return what the server says of its limits: the `x-ratelimit-` headers, without that prefix."""
        return {
            name.removeprefix(_RATE_LIMIT_PREFIX): value
            for name, value in self.headers.items()
            if name.startswith(_RATE_LIMIT_PREFIX)
        }

    @property
    def retry_after(self) -> float | None:
        """Return the seconds that the server asks to wait, or None."""
        from .retry import server_wait

        return server_wait(self.headers)

    def __repr__(self) -> str:
        return f"<HTTPInfo {self.status_code} request_id={self.request_id!r} elapsed={self.elapsed:.2f}s>"
