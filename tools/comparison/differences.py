"""Tell the facts of two documents apart."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tools.comparison.facts import Entries, Entry, Place

# A difference of which a place is there at all.
PRESENCE = "presence"
# Aspects whose values are sets, each with the word for one of them. Where both sides have one, each of its values that
# only one side has is a difference of its own.
SETS = {"choices": "choice", "named choices": "choice", "types": "type", "x-image.types": "media type"}


class Difference(NamedTuple):
    """One fact that two documents state differently; None stands for no statement."""

    place: Place
    aspect: str
    left: Any
    right: Any
    left_pointer: str
    right_pointer: str


def differences(left: Entries, right: Entries) -> Iterator[Difference]:
    """Yield what differs, in the order of the places; of what only one side has, not its parts.

    Args:
        left: The facts of one document.
        right: Those of the other.
    """
    for place in sorted(left.keys() | right.keys()):
        one, two = left.get(place), right.get(place)
        if one and two:
            yield from _of_entries(place, one, two)
        elif all(parent in left and parent in right for parent in place.parents() if parent in left or parent in right):
            yield Difference(place, PRESENCE, bool(one) or None, bool(two) or None, _pointer(place, left), _pointer(place, right))


def _of_entries(place: Place, one: Entry, two: Entry) -> Iterator[Difference]:
    for aspect in sorted(one.facts.keys() | two.facts.keys()):
        left, right = one.facts.get(aspect), two.facts.get(aspect)
        if aspect in {"other values allowed", "other fields allowed"} and not (left and right):
            continue  # that a side has no choices, or is no object, is told by its choices and types
        at = (left.pointer if left else one.pointer, right.pointer if right else two.pointer)
        name = "named choices" if aspect == "choices" and (_is_open(one) or _is_open(two)) else aspect
        if left and right and aspect in SETS:
            yield from (Difference(place, name, value, None, *at) for value in sorted(left.value - right.value))
            yield from (Difference(place, name, None, value, *at) for value in sorted(right.value - left.value))
        elif left is None or right is None or left.value != right.value:
            yield Difference(place, name, left.value if left else None, right.value if right else None, *at)


def _is_open(entry: Entry) -> bool:
    return "other values allowed" in entry.facts and entry.facts["other values allowed"].value is True


def _pointer(place: Place, entries: Entries) -> str:
    return next((entries[each].pointer for each in (place, *place.parents()) if each in entries), "#/paths")
