"""What commands say to people: whatever texts of a document hold, a terminal shows them and runs nothing of them."""

import sys
from typing import TextIO

from images_api.cli._terminal import drop, encodable, printable

__all__ = ["printable", "say", "write"]


def say(text: str, file: TextIO | None = None) -> None:
    """Print lines, each safely. A reader who has seen enough and closed the pipe is no fault.

    Args:
        text: What to say; its line ends stay.
        file: Where to; standard output unless it is given.
    """
    write("\n".join(map(printable, text.split("\n"))), file)


def write(text: str, file: TextIO | None = None) -> None:
    """Print a text as it is; the rest is as with `say`."""
    target: TextIO = sys.stdout if file is None else file
    try:
        print(encodable(text, target), file=target, flush=True)
    except BrokenPipeError:
        drop(target)
