"""Signals: Ctrl-C waits until what was paid for is saved, and SIGTERM ends a command like an error, so that it tidies up."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._failures import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def tidy_end() -> Generator[None]:
    """Let SIGTERM end what is in the block as an exception does."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(ExitStatus.TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interrupts_later() -> Generator[None]:
    """Let what is in the block end before Ctrl-C does its work."""
    came = False

    def remember(*_: object) -> None:
        nonlocal came
        came = True

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
