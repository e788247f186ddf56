"""How fast a job goes: how many calls at once, how many images a minute, and when all of them pause."""

from __future__ import annotations

import random
from asyncio import Event, sleep
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

# After a pause, calls begin spread over so many seconds, or over as many as it took where that is less.
_SPREAD = 2.0


class Pace:
    """The pace of one run, in one event loop. No clock but the monotonic one counts.

    A server that says "too many" halves the number of calls at once, and each success lets it grow again, up to what is allowed.

    Args:
        concurrency: How many calls go on at once, from 1.
        images_per_minute: How many images are asked for in a minute, above 0; None for any number.
        most_images: How many images one call asks for at most.
    """

    def __init__(self, concurrency: int, images_per_minute: float | None, most_images: int = 1) -> None:
        self._most = concurrency
        self._limit = float(concurrency)
        self._active = 0
        self._resume = 0.0
        self._spread = 0.0
        self._freed = Event()
        self._limiter = None if images_per_minute is None else _limiter(images_per_minute, most_images)

    @property
    def waiting(self) -> float:
        """Return for how many seconds all calls still pause."""
        return max(0.0, self._resume - monotonic())

    async def begin(self, images: int) -> None:
        """Wait until a call may go out, which `end` has to follow.

        Args:
            images: How many images it asks for.
        """
        is_rated = not self._limiter
        while True:
            if self.waiting:
                await sleep(self.waiting + random.uniform(0, self._spread))  # noqa: S311  a spread, no secret
            while self._active >= max(1, int(self._limit)):
                self._freed.clear()
                await self._freed.wait()
            if not is_rated and self._limiter:
                await self._limiter.acquire(images)
                is_rated = True
            elif not self.waiting and self._active < max(1, int(self._limit)):
                break
        self._active += 1

    def end(self, *, success: bool) -> None:
        """Say that a call has ended."""
        self._active -= 1
        if success:
            self._limit = min(float(self._most), self._limit + 1 / self._limit)
        self._freed.set()

    def pause(self, seconds: float) -> None:
        """Let all calls wait that haven't begun."""
        if not self.waiting:  # of calls that went out together, one is enough
            self._limit = max(1.0, self._limit / 2)
        self._resume = max(self._resume, monotonic() + seconds)
        self._spread = min(_SPREAD, seconds)


def _limiter(images_per_minute: float, most_images: int) -> AsyncLimiter:
    try:
        from aiolimiter import AsyncLimiter
    except ImportError as error:
        text = f"a number of images a minute needs more than is installed ({error.name}): pip install 'images-api[bulk]'"
        raise ImportError(text, name=error.name) from error
    # Evenly spread: what comes in one burst is what one call asks for, or what comes in a second.
    burst = max(most_images, images_per_minute / 60)
    return AsyncLimiter(burst, 60 * burst / images_per_minute)
