"""What may be sent again, and after how long.

An image costs money, so a request is repeated only when the server can't have begun: the connection was never made,
it was refused for its rate (429), or the server says itself when to come back (503 with Retry-After). `x-should-retry`
is the server's own word on it, and is obeyed. The header forms are those of the official SDKs.
"""

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from math import inf, nan

import httpx

from images_api._errors import (
    APIConnectionError,
    APIStatusError,
    ContentPolicyError,
    InternalServerError,
    QuotaExceededError,
    RateLimitError,
)

LONGEST_WAIT = 120.0
_FIRST_BACKOFF = 0.5
# A text that means the same whatever it leaves out is a whole date, not a piece of one.
_DEFAULTS = (datetime(2000, 1, 1), datetime(2004, 2, 2))  # noqa: DTZ001  the zone comes with the text, or is UTC


def server_wait(headers: httpx.Headers) -> float | None:
    """Return the seconds that a server asks to wait.

    Args:
        headers: The response's headers; `retry-after-ms` in milliseconds comes before `retry-after`, in seconds or as a date.

    Returns:
        The seconds, above zero; None when there is no such header, or nothing sensible in it.
    """
    said = (_seconds(headers.get(name, ""), unit) for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)))
    return next((seconds for seconds in said if 0 < seconds < inf), None)


def wait_before_retry(error: APIStatusError | APIConnectionError, attempt: int, *, ambiguous: bool) -> float | None:
    """Return how long to wait before a request is sent again.

    Args:
        error: How the last try ended.
        attempt: How many tries were made before that one, from 0.
        ambiguous: Whether to send again what may have run, and may be billed twice.

    Returns:
        The seconds to wait; None when the request must not be sent again.
    """
    wait = None if isinstance(error, APIConnectionError) else error.http.retry_after
    if not _may_repeat(error, ambiguous=ambiguous) or (wait and wait > LONGEST_WAIT):
        return None
    return wait or random.uniform(0, _FIRST_BACKOFF * 2 ** min(attempt, 4))  # noqa: S311  a spread, no secret


def read_date(text: str) -> datetime | None:
    """Return the moment that a text stands for, such as an HTTP date or an ISO one.

    Args:
        text: Anything. Without a zone it is in UTC: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7

    Returns:
        The moment, with a zone; None where it is no date or only a piece of one.
    """
    from dateutil.parser import parse

    try:
        first, second = (parse(text, default=default, tzinfos=_zone) for default in _DEFAULTS)
        moment = first if first.tzinfo else first.replace(tzinfo=UTC)
        return moment.astimezone(UTC) if first == second else None
    except (ValueError, ArithmeticError, TypeError, AttributeError, IndexError):  # whatever a foreign text sets off
        return None


def _may_repeat(error: APIStatusError | APIConnectionError, *, ambiguous: bool) -> bool:
    if isinstance(error, APIConnectionError):
        return ambiguous or not error.may_have_run
    if isinstance(error, QuotaExceededError | ContentPolicyError):
        return False
    word = error.headers.get("x-should-retry")
    if word in {"true", "false"}:
        return bool(word == "true")
    return ambiguous if error.may_have_run else isinstance(error, RateLimitError | InternalServerError)


def _seconds(text: str, unit: float) -> float:
    with suppress(ValueError):
        return float(text) * unit
    moment = read_date(text)
    return nan if moment is None else (moment - datetime.now(UTC)).total_seconds()


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    if name and offset is None:
        raise ValueError(f"unknown zone {name}")
    return None if offset is None else timezone(timedelta(seconds=offset))
