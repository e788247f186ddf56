"""Waiting for what comes, not for a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Longer than it takes on any machine.
_PATIENCE = 120


def _never() -> bool:
    return False


def wait_until(happened: Callable[[], bool], *, unless: Callable[[], bool] = _never) -> None:
    """Wait until something has happened, and fail as soon as it can't any more."""
    deadline = time.monotonic() + _PATIENCE
    while not happened():
        assert not unless()
        assert time.monotonic() < deadline
        time.sleep(0.01)
