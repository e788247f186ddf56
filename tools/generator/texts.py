"""Texts of the contract as parts of Python code, whatever characters they hold."""

import re
from collections.abc import Sequence
from textwrap import fill

_WIDTH = 110
_QUOTES = '"""'


def docstring(paragraphs: Sequence[str], indent: str = "    ") -> str:
    """Return a docstring.

    Args:
        paragraphs: What `wrapped` made with the same indent. The first is a summary, and may be all there is.
        indent: What stands before it; it is not before the result.
    """
    text = "\n\n".join(paragraphs).removeprefix(indent)
    return f"{_QUOTES}{text}{_QUOTES}" if len(paragraphs) == 1 else f"{_QUOTES}{text}\n{indent}{_QUOTES}"


def wrapped(text: str, indent: str = "    ", hanging: str = "") -> str:
    """Return a text in lines that are part of a docstring.

    Args:
        text: What it says; it may hold any characters.
        indent: What stands before each line.
        hanging: What stands before each line but the first, beside the indent.
    """
    # The quotes at both ends count as well.
    return fill(
        _escaped(text),
        _WIDTH - len(_QUOTES),
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _escaped(text: str) -> str:
    line = " ".join(text.replace("\\", "\\\\").split())
    line = "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in line)
    # A quote before another one, or at the end, might be one of three that end the docstring.
    return re.sub('"(?="|$)', r'\\"', line)
