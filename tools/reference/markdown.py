"""Texts as Markdown that shows them, whatever characters they hold: the one place where they are quoted.

What comes out reads the same on a code host (GitHub's Markdown) and in a site (MyST): a text becomes no link, no HTML and no
directive. Code spans in backticks, which descriptions are written with, stay code.
"""

import re
from collections.abc import Callable, Iterable, Iterator

# https://github.github.com/gfm/#backslash-escapes, those that mean something wherever they stand; `{` and `$` do to MyST.
_ESCAPED = re.compile(r"[\\`*\[\]<>{}|~$#]|&(?=[#\w])|(?<![^\W_])_|_(?![^\W_])")
# What makes a list, a quote, a comment, a field or a target of a line that begins with it.
_FIRST = re.compile(r"^(?=[-+:%=>])|^(?=\([^)]*\)=)|^(\d+)(?=[.)](?: |$))")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
# What code hosts make a link, a mention or an emoji of by themselves, and would even with backslashes.
_LIVELY = re.compile(r"\S*(?:://|www\.|@|:[\w+-]+:)\S*", re.IGNORECASE)
# https://github.com/gjtorikian/html-pipeline: how anchors are made of headings; MyST does it alike.
_ODD = ("\\", "")
_PIPE = re.compile(r"(\\*)\|")
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


class Markdown(str):
    """A text that is Markdown already."""

    __slots__ = ()


def markdown(value: object) -> Markdown:
    """Return a text as Markdown in one line; one that is Markdown already as it is.

    Args:
        value: The text. What stands in single backticks becomes code.
    """
    if isinstance(value, Markdown):
        return value
    return Markdown("".join(code(part) if is_code else _plain(part) for is_code, part in _united(_parts(str(value)))))


def code(value: object) -> Markdown:
    """Return a text as code in one line."""
    line = " ".join(str(value).split()) or '""'
    longest = max(map(len, re.findall("`+", line)), default=0)
    pad = " " if "`" in (line[0], line[-1]) else ""
    return Markdown(f"{'`' * (longest + 1)}{pad}{line}{pad}{'`' * (longest + 1)}")


def cell(value: object) -> Markdown:
    """Return a text as what stands in a cell of a table, in code as well."""
    # Of several backslashes, each second is what the one before it escapes.
    return Markdown(_PIPE.sub(lambda found: f"{found[1]}{_ODD[len(found[1]) % 2]}|", markdown(value)))


def source(value: object) -> Markdown:
    """Return what stands in a fenced block as it is; no line of it begins with a fence."""
    return Markdown(value)


def link(label: object, target: str) -> Markdown:
    """Return a link to a page or an anchor.

    Args:
        label: What is shown.
        target: Where it leads; a path or an anchor, without spaces.
    """
    return Markdown(f"[{markdown(label)}]({target})")


def joined(parts: Iterable[object], conjunction: str) -> Markdown:
    """Return texts as one reads them out: `a, b or c`."""
    *others, last = [markdown(part) for part in parts]
    return Markdown(f"{', '.join(others)} {conjunction} {last}" if others else last)


def anchors() -> Callable[[str], str]:
    """Return what gives the anchor of each heading of a page, in their order: of two that are alike, the second has a number."""
    counts: dict[str, int] = {}

    def anchor(heading: str) -> str:
        plain = "".join(part for _, part in _parts(heading))
        name = _NOT_IN_ANCHORS.sub("", " ".join(plain.split()).lower()).replace(" ", "-")
        counts[name] = count = counts.get(name, -1) + 1
        return f"{name}-{count}" if count else name

    return anchor


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of a text, each with whether it is code."""
    for index, part in enumerate(_SPAN.split(" ".join(text.split()))):
        if index % 2:
            yield True, part
            continue
        end = 0
        for found in _LIVELY.finditer(part):
            yield from ((False, part[end : found.start()]), (True, found[0]))
            end = found.end()
        yield False, part[end:]


def _united(parts: Iterable[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """Return the parts without empty ones, and with neighbours that are code as one: their backticks would merge."""
    united: list[tuple[bool, str]] = []
    for is_code, part in parts:
        if part and united and united[-1][0] == is_code:
            united[-1] = (is_code, united[-1][1] + part)
        elif part:
            united.append((is_code, part))
    return united


def _plain(text: str) -> str:
    return _FIRST.sub(r"\1\\", _ESCAPED.sub(r"\\\g<0>", text), count=1)
