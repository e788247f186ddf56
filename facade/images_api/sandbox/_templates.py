"""JSON with places to be filled in: what a dialect says of its server's answers.

A text that is `{name}` alone becomes the value of that name, whatever its type; within other words, and as `{name!s}`, it
becomes the value's text, and None the word `None`. `{name?}` leaves the entry of an object or a list out where there is no
value. `{null}` is JSON's null, which TOML has no word for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_PLACE = re.compile(r"\{([a-z0-9_]+)(\?|!s)?\}")
_NULL = "null"
_LEFT_OUT = object()


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """Return a template with values in its places; an object keeps its order.

    Raises:
        KeyError: There is no value of a name.
    """
    result = _filled(template, {**values, _NULL: None})
    return None if result is _LEFT_OUT else result


def names(template: Any) -> frozenset[str]:
    """Return the names of a template's places."""
    return frozenset(name for text in _texts(template) for name, _ in _PLACE.findall(text))


def check(template: Any, known: Collection[str], where: str) -> None:
    """Raise ValueError for a template that can't be filled in.

    Args:
        template: The template.
        known: The names that there will be values of.
        where: Whose it is, for the message.
    """
    if strange := sorted(names(template) - {*known, _NULL}):
        raise ValueError(f"{where} names {', '.join(strange)}, which is none of {', '.join(sorted(known))}")
    for text in _texts(template):
        if "{" in (rest := _PLACE.sub("", text)) or "}" in rest:
            raise ValueError(f"{where} has a brace that is no part of a place: {text!r}")


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        return _text(template, values)
    if isinstance(template, dict):
        entries = ((_text(name, values), _filled(each, values)) for name, each in template.items())
        return {name: each for name, each in entries if each is not _LEFT_OUT}
    if isinstance(template, list):
        return [each for part in template if (each := _filled(part, values)) is not _LEFT_OUT]
    return template


def _text(text: str, values: Mapping[str, Any]) -> Any:
    if alone := _PLACE.fullmatch(text):
        value = values[alone[1]]
        if alone[2] == "!s":
            return str(value)
        return _LEFT_OUT if alone[2] and value is None else value
    return _PLACE.sub(lambda place: str(values[place[1]]), text)


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, dict):
        for name, each in template.items():
            yield name
            yield from _texts(each)
    elif isinstance(template, list):
        for each in template:
            yield from _texts(each)
