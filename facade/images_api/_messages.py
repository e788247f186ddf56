"""Warnings that point to the line that called the package."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_PACKAGE = str(Path(__file__).parent)


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn, and name the first line outside this package as the place.

    Args:
        message: What to say.
        category: The kind of warning.
    """
    level, frame = 1, _caller()
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _caller() -> FrameType | None:
    return sys._getframe(1)  # noqa: SLF001  Python 3.12's skip_file_prefixes does the same in public
