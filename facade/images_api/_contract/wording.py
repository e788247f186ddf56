"""A broken rule in words: what must be."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from images_api._images.headers import ImageFacts

from .document import at, choices, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import jsonschema_rs

    from .document import Schema

_WORDS = {
    "required": "is required",
    "falseSchema": "is not supported",
    "not": "must not be {0[const]}",
    "maximum": "must be at most {}",
    "minimum": "must be at least {}",
    "maxLength": "must have at most {} characters",
    "minLength": "must have at least {} character(s)",
    "maxItems": "must be at most {} images",
    "minItems": "must be at least {} image(s)",
}
_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "True or False",
    "object": "a mapping",
    "array": "a list",
}


def innermost(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Return what is really wrong where none of several alternatives fits: in the one that fits best."""
    if error.kind.name != "anyOf":
        return error
    errors = [branch[0] for branch in cast("Any", error.kind).context]
    nearness = [(len(each.instance_path), each.kind.name != "type", each.kind.value != ["null"]) for each in errors]
    return innermost(errors[nearness.index(max(nearness))])


def why(error: jsonschema_rs.ValidationError) -> str:
    """Say which rule is broken."""
    keyword, limit = error.kind.name, error.kind.value
    match keyword:
        case "enum":
            return f"must be {listed([str(choice) for choice in limit if choice is not None])}"
        case "type" if isinstance(error.instance, list):
            return f"must be one, not {'several' if error.instance else 'none'}"
        case "type":
            return f"must be {listed([words for name, words in _TYPES.items() if name in limit])}"
        case "pattern" if title := at("/".join(map(str, error.schema_path[:-1]))).get("title"):
            return f"must be {title}"
        case _:
            return _WORDS[keyword].format(limit) if keyword in _WORDS else error.message


def hint(schema: Schema, value: object) -> str:
    """Return how to say what was meant by a value that breaks a rule of its parameter, if that can be told."""
    sides = [plain(side) for side in value] if isinstance(value, list | tuple) and any(map(sized, choices(schema))) else []
    return f', such as "{sides[0]}x{sides[1]}"' if list(map(type, sides)) == [int, int] else ""


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the question whether another name was meant, if one is near."""
    from difflib import get_close_matches

    near = [each for each in known if name.endswith(f"_{each}")] or get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def sized(size: object) -> Sequence[ImageFacts]:
    """Return what a size asks for: nothing where it is `auto`, or none at all."""
    sides = re.fullmatch(r"([1-9][0-9]{0,9})x([1-9][0-9]{0,9})", size) if isinstance(size, str) else None
    return [ImageFacts(None, 0, int(sides[1]), int(sides[2]))] if sides else []


def image_fault(rule: str, limit: Any, facts: ImageFacts, other: ImageFacts) -> str:  # noqa: C901, PLR0911  one case a rule
    """Say what an image, or a size, does wrong, if it does.

    Args:
        rule: A rule of `x-image` or `x-sides`.
        limit: What it says.
        facts: The image.
        other: The image that its sides must be those of, where there is such a rule.
    """
    width, height, kind = facts.width or 0, facts.height or 0, facts.type or ""
    match rule:
        case "bytesAbove" if facts.size <= limit:
            return "must not be empty"
        # A type that was only said is no image.
        case "types" if not any(fnmatchcase(kind, each) and (facts.width is not None or kind not in limit) for each in limit):
            names = [name.partition("/")[2].replace("*", "another image format") for name in limit]
            return f"must {'be converted to' if facts.type else 'be'} {listed(names)}"
        case "bytesBelow" if facts.size >= limit:
            return f"must be smaller than {limit >> 20} MB ({limit} bytes)"
        case "square" if width != height:
            return "must be square"
        case "alpha" if facts.alpha is False:
            return "must have an alpha channel"
        case "sameSizeAs" if other.width and (width, height) != (other.width, other.height):
            return f"must have the width and height of {limit}, {other.width}x{other.height}"
        case "multipleOf" if width % limit or height % limit:
            return f"must have sides that are multiples of {limit}"
        case "maximum" if max(width, height) > limit:
            return f"must have no side above {limit}"
        case "minimumPixels" if width * height < limit:
            return f"must have at least {limit} pixels"
        case "maximumPixels" if width * height > limit:
            return f"must have at most {limit} pixels"
        case "maximumRatio" if max(width, height) > limit * min(width, height):
            return f"must have a ratio of at most {limit}:1"
        case _:
            return ""


def listed(names: Sequence[str], conjunction: str = "or") -> str:
    """Return names as one reads them out: `a, b or c`."""
    return f" {conjunction} ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
