"""Texts of the contract as parts of Python code, whatever characters they hold: the one place where they are quoted.

Our own templates and those of openapi-python-client quote with what is here. `unwritable` says which texts are refused instead.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from textwrap import fill, wrap
from typing import Any

from openapi_python_client.schema import UntrustedString
from openapi_python_client.strings import PythonCode

_WIDTH = 110
_QUOTES = '"""'
# What turns the direction of what stands around it, so that editors show other code than Python runs.
# https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_MARKS = "\u061c\u200e\u200f"


def whole(value: Any) -> Any:
    """Return JSON with each pair of surrogates in its texts as the one character that it stands for, as JSON writes it."""
    if isinstance(value, dict):
        return {whole(key): whole(part) for key, part in value.items()}
    if isinstance(value, list):
        return [whole(part) for part in value]
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if isinstance(value, str) else value


def unwritable(text: str) -> str | None:
    """Return the character for which a text can't stand in code or in its docs, by its number; None where there is none."""
    found = next((each for each in text if _misleads(each)), None)
    return None if found is None else f"U+{ord(found):04X}"


def _misleads(character: str) -> bool:
    """Tell whether a character has a meaning to programs, but no look: what it says can't be seen where it stands."""
    kind = unicodedata.category(character)
    if kind == "Cc":
        return character not in "\n\t"
    return kind in {"Cs", "Zl", "Zp"} or unicodedata.bidirectional(character) in _TURNS or character in _MARKS


def literal(text: Any) -> str:
    """Return a text as what stands between the quotes of a string literal, be they single or double ones."""
    return "".join(_in_literal(each) for each in _plain(text))


def f_literal(text: Any) -> str:
    """Return a text as what stands between the quotes of an f-string."""
    return literal(text).replace("{", "{{").replace("}", "}}")


def prose(text: Any) -> str:
    """Return a text as a part of a docstring, line for line."""
    return "\n".join(_escaped(line) for line in _plain(text).split("\n"))


def folded(text: str, width: int) -> str:
    """Return a text with its lines broken between words only: elsewhere, it might be in an escape sequence."""
    lines = [wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""] for line in text.split("\n")]
    return "\n".join(part for line in lines for part in line)


# By their names in the templates of openapi-python-client. What its own ones drop or break is in each of these as it is.
FILTERS: dict[str, Callable[..., str]] = {
    "in_double_quote_literal": literal,
    "in_f_string_literal": f_literal,
    "safe_for_docstring": prose,
    "wordwrap": folded,
}


def _plain(text: Any) -> str:
    if isinstance(text, UntrustedString):
        return str(text.get_untrusted_value())
    return str(text.as_unembedded_code() if isinstance(text, PythonCode) else text)


def _in_literal(character: str) -> str:
    if character in "\\\"'":
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


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
