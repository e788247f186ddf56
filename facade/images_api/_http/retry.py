"""What may be sent again, and after how long.

An image costs money, so a request is repeated only when the server can't have begun: the connection was never made,
it was refused for its rate (429), or the server says itself when to come back (503 with Retry-After). `x-should-retry`
is the server's own word on it, and is obeyed. The header forms are those of the official SDKs.
"""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime
from math import inf, nan
from typing import TYPE_CHECKING

from images_api._errors import APIConnectionError, ContentPolicyError, QuotaExceededError

from .dates import read_date

if TYPE_CHECKING:
    import httpx

    from images_api._errors import APIStatusError

LONGEST_WAIT = 120.0
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 8.0
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


def server_wait(headers: httpx.Headers) -> float | None:
    """Return the seconds that a server asks to wait.

    Args:
        headers: The response's headers; `retry-after-ms` in milliseconds comes before `retry-after`, in seconds or as a date.

    Returns:
        The seconds, above zero; None when there is no such header, or nothing sensible in it.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _seconds(headers.get(name, ""), unit)
        if 0 < seconds < inf:
            return seconds
    return None


def wait_before_retry(error: APIStatusError | APIConnectionError, attempt: int, *, ambiguous: bool) -> float | None:
    """Return how long to wait before a request is sent again.

    Args:
        error: How the last try ended.
        attempt: How many tries were made before that one, from 0.
        ambiguous: Whether to send again what may have run, and may be billed twice.

    Returns:
        The seconds to wait; None when the request must not be sent again.
    """
    if not _may_repeat(error, ambiguous=ambiguous):
        return None
    wait = None if isinstance(error, APIConnectionError) else error.http.retry_after
    if wait is not None:
        return wait if wait <= LONGEST_WAIT else None
    return random.uniform(0, min(_FIRST_BACKOFF * 2 ** min(attempt, 10), _LONGEST_BACKOFF))  # noqa: S311  a spread, no secret


def _may_repeat(error: APIStatusError | APIConnectionError, *, ambiguous: bool) -> bool:
    if isinstance(error, APIConnectionError):
        return ambiguous or not error.may_have_run
    if isinstance(error, QuotaExceededError | ContentPolicyError):
        return False
    word = error.headers.get("x-should-retry")
    if word in {"true", "false"}:
        return bool(word == "true")
    if error.may_have_run:
        return ambiguous
    return error.status_code == _TOO_MANY_REQUESTS or error.status_code >= _SERVER_ERRORS


def _seconds(text: str, unit: float) -> float:
    with suppress(ValueError):
        return float(text) * unit
    moment = read_date(text)
    return nan if moment is None else (moment - datetime.now(UTC)).total_seconds()
