"""Judge whether a difference breaks callers; the left side is what was, the right what is."""

import re
from typing import Any

from tools.comparison.differences import PRESENCE, SETS, Difference
from tools.comparison.facts import Entries, Place
from tools.comparison.models import FAMILY, RETIRED
from tools.comparison.shapes import LOWER_BOUNDS, UPPER_BOUNDS

# What callers receive breaks them when more becomes possible; what they send, when less is.
_RECEIVED = ("reply", "event", "error")


def breaks(difference: Difference, left: Entries, right: Entries) -> bool:
    """Tell whether callers may fail, or get something else, without a change of theirs.

    Args:
        difference: What differs.
        left: All entries of the left side.
        right: All entries of the right side.
    """
    place = difference.place
    if place.part == RETIRED:
        return False  # a warning comes or goes
    if difference.aspect == PRESENCE and not place.when:
        return difference.right is None or _must_be_sent(place, right)
    if _speaks_of(place.when, _families(right) - _families(left)):
        return False  # nobody knew the limits of these models
    received = place.part.startswith(_RECEIVED)
    if difference.aspect != PRESENCE:
        return _breaks(difference.aspect, difference.left, difference.right, received=received)
    came, went = (right[place].facts, {}) if difference.right else ({}, left[place].facts)
    return any(_breaks(aspect, None, fact.value, received=received) for aspect, fact in came.items()) or any(
        _breaks(aspect, fact.value, None, received=received) for aspect, fact in went.items()
    )


def _must_be_sent(place: Place, entries: Entries) -> bool:
    required = entries[place].facts.get("required")
    return required is not None and required.value is True and not place.part.startswith(_RECEIVED)


def _families(entries: Entries) -> set[str]:
    return {place.field[0] for place in entries if place.part == FAMILY}


def _speaks_of(condition: str, families: set[str]) -> bool:
    """Tell whether a condition holds for models of some families only."""
    return "not (" not in condition and not families.isdisjoint(re.findall(r"\w+", condition))


def _breaks(aspect: str, before: Any, after: Any, *, received: bool) -> bool:
    if aspect == "named choices":
        return False  # others may be used as well
    if aspect == "default":
        return not received
    less, more = _change(aspect, before, after)
    return more if received else less


def _change(aspect: str, before: Any, after: Any) -> tuple[bool, bool]:
    """Return whether less is possible than before, and whether more is."""
    if aspect in SETS and isinstance(before or after, str):
        return after is None, before is None
    if aspect == "required" or aspect.endswith(" allowed"):
        # A rule that doesn't speak of it leaves it as it is.
        strict = aspect == "required"
        return (after is strict, before is strict)
    if before is None or after is None:
        return before is None, after is None
    if isinstance(before, int | float) and isinstance(after, int | float) and aspect in UPPER_BOUNDS | LOWER_BOUNDS:
        return (after < before, after > before) if aspect in UPPER_BOUNDS else (after > before, after < before)
    return True, True  # of two patterns nobody can say
