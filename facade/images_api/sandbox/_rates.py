"""How many requests a minute are answered, and what is said of that: a bucket that fills up again by and by."""

from __future__ import annotations

import time
from math import ceil

from ._refusal import RefusedError

# What is said where nobody is ever refused.
_ASSUMED = 10_000
_MINUTE = 60.0


class RateLimit:
    """Counts the requests of one minute.

    Args:
        requests_per_minute: How many are answered; None for all, of which the headers tell as if of many.
    """

    def __init__(self, requests_per_minute: int | None) -> None:
        self._limit = requests_per_minute or _ASSUMED
        self._refuses = requests_per_minute is not None
        self.clear()

    def clear(self) -> None:
        """Forget the requests that came."""
        self._left = float(self._limit)
        self._moment = time.monotonic()

    def take(self) -> dict[str, str]:
        """Count a request, and return the headers that tell what is left.

        Raises:
            RefusedError: Nothing is left.
        """
        now = time.monotonic()
        self._left = min(self._limit, self._left + (now - self._moment) * self._limit / _MINUTE)
        self._moment = now
        is_over = self._left < 1
        self._left = max(0.0, self._left - (0 if is_over and self._refuses else 1))
        headers = {
            "x-ratelimit-limit-requests": str(self._limit),
            "x-ratelimit-remaining-requests": str(int(self._left)),
            "x-ratelimit-reset-requests": f"{(self._limit - self._left) * _MINUTE / self._limit:.3f}s",
        }
        if is_over and self._refuses:
            wait = ceil((1 - self._left) * _MINUTE / self._limit)
            message = f"Rate limit reached: {self._limit} requests per minute. Please try again in {wait}s."
            headers["retry-after"] = str(wait)
            raise RefusedError(message, code="rate_limit_exceeded", status=429, kind="requests", headers=headers)
        return headers
