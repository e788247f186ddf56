"""What a call says while it goes on: the library's warnings as lines, and its log to those who ask for it."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ._terminal import say

if TYPE_CHECKING:
    from collections.abc import Generator

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _Sayer(logging.Handler):
    """Says each record as a line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record."""
        say(self.format(record))


@contextmanager
def speaking(verbosity: int) -> Generator[None]:
    """Say warnings, each once, and as much of the log as is asked for.

    Args:
        verbosity: 0 for warnings alone, 1 for waits and tries, 2 and more for all.
    """
    said: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in said:
            said.add(str(message))
            say(str(message), "warning")

    logger, handler = logging.getLogger("images_api"), _Sayer()
    level = logger.level
    handler.addFilter(lambda record: record.name == logger.name)  # not what a sandbox of our own says of the same call
    handler.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for category in (UserWarning, DeprecationWarning):
            warnings.simplefilter("always", category)
        warnings.showwarning = show
        logger.addHandler(handler)
        logger.setLevel(handler.level)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
