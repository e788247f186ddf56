"""How long an exchange may take in all. httpx bounds single reads and writes alone, so that a trickle may go on for ever."""

from __future__ import annotations

from math import ceil, inf
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx

from images_api._settings import phases

if TYPE_CHECKING:
    from images_api._settings import TimeoutTypes

    from .pools import Pool

# Of what httpx takes for a phase, zero would mean not to wait at all.
_LEAST = 0.1
_CHUNK = 1 << 16


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
        self._paused = monotonic()

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return self._moment - monotonic()

    def extensions(self, pool: Pool[Any]) -> dict[str, Any]:
        """Return the extensions of the next request: https://www.python-httpx.org/advanced/extensions/.

        Args:
            pool: What it is sent with.
        """
        # In tenths, so that of a call that has just begun each phase may take all of it.
        most = max(ceil(self.left * 10) / 10, _LEAST) if self.left < inf else inf
        timeouts = {phase: seconds and min(seconds, most) for phase, seconds in self._phases.items()}
        if timeouts["read"]:
            timeouts["read"] = bound = _Bound(timeouts["read"])
            bound.deadline = self

        def trace(event: str, info: dict[str, Any]) -> None:
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                _watch(info["return_value"], pool)
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


class _Bound(float):
    """The timeout of one read that knows when all of them must have ended."""

    deadline: Deadline

    def now(self) -> float:
        left = self.deadline.left
        if left <= 0:
            raise httpx.ReadTimeout("the whole call takes too long")
        return min(self, left)


def _watch(stream: Any, pool: Pool[Any]) -> None:
    """Cut each read from a new connection to what is left then: httpcore asks for a timeout once for all reads of a phase."""
    read, write = stream.read, stream.write

    def bounded_read(max_bytes: int, timeout: float | None = None) -> Any:
        return read(max_bytes, timeout.now() if isinstance(timeout, _Bound) else timeout)

    async def write_by_and_by(buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  the name is httpcore's
        for start in range(0, len(buffer), _CHUNK):
            await write(buffer[start : start + _CHUNK], timeout)

    stream.read = bounded_read
    if pool.is_async:  # whose timeout is for all of a chunk, however fast it goes out
        stream.write = write_by_and_by
    pool.opened(stream)
