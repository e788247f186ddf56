"""Put places and values into words."""

import json
from typing import Any

from tools.comparison.differences import SETS
from tools.comparison.facts import Place


def field_name(place: Place) -> str:
    """Return a field's name as `data[*].url`; empty for a whole part."""
    return ".".join(place.field).replace(".[*]", "[*]")


def value_text(aspect: str, value: Any) -> str:
    """Return what is said of an aspect, for people."""
    if value is None:
        return "any" if aspect in SETS else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
