"""What commands say to people: whatever texts of a document hold, a terminal shows them and runs nothing of them."""

import os
import sys
from typing import TextIO

# Longer lines are no longer read, and may be all that a hostile document is made of.
_MOST_CHARACTERS = 4_000


def printable(text: str) -> str:
    """Return a text in one line, with escapes for control characters and all else that can't be seen."""
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}... ({len(text):,} characters)"
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


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
    encoding = target.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=target, flush=True)
    except BrokenPipeError:
        # Else the interpreter complains when it closes the file at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), target.fileno())
