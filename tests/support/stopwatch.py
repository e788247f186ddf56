"""Time as this process sees it: what other programs take of the machine doesn't count."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path


class Stopwatch:
    """Counts the seconds since it was made, without those in which a thread of this process had to wait for a processor.

    Linux tells of each thread how long that was: https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
    Elsewhere all seconds count.
    """

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self._delays = _delays()
        self._seconds = 0.0

    def lap(self) -> float:
        """Return the seconds since the last lap, or since it was made."""
        now, delays = time.perf_counter(), _delays()
        delayed = sum(delay - self._delays.get(thread, 0) for thread, delay in delays.items())
        seconds = max(0.0, now - self._last - delayed / 1e9)
        self._last, self._delays = now, delays
        self._seconds += seconds
        return seconds

    def seconds(self) -> float:
        """Return the seconds since it was made."""
        self.lap()
        return self._seconds


def _delays() -> dict[str, int]:
    """Return the nanoseconds that each thread has waited so far."""
    delays: dict[str, int] = {}
    with suppress(FileNotFoundError):
        for thread in Path("/proc/self/task").iterdir():
            with suppress(OSError):
                delays[thread.name] = int((thread / "schedstat").read_bytes().split()[1])
    return delays
