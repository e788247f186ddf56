"""What is to go wrong, and with which request."""

from __future__ import annotations

import random
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a request fails."""

    kind: str


class Faults:
    """The faults that are armed, and those that come by chance. Thread-safe."""

    def __init__(self, rates: Mapping[str, float], seed: int | None = None) -> None:
        self._lock = threading.Lock()
        self._armed = deque[Fault]()
        self._rates = rates
        self._random = random.Random(seed)  # noqa: S311  a chance, no secret

    @property
    def armed(self) -> tuple[Fault, ...]:
        """Return the faults of the next requests, in their order."""
        with self._lock:
            return tuple(self._armed)

    def arm(self, fault: Fault, times: int = 1) -> None:
        """Let the next requests fail."""
        with self._lock:
            self._armed.extend([fault] * times)

    def clear(self) -> None:
        """Forget the faults that are armed."""
        with self._lock:
            self._armed.clear()
