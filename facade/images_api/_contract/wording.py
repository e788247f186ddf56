"""A broken rule in words: what must be, for which requests, and the contract's reason."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from .document import at, document, merged, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import jsonschema_rs

    from images_api._images.headers import ImageFacts

    from .document import Schema

# The format `image-size`. The pattern is one of JSON Schema's, too.
SIZE = re.compile(r"^(?:auto|([1-9][0-9]*)x([1-9][0-9]*))$")
_WORDS = {
    "maximum": "must be at most {}",
    "minimum": "must be at least {}",
    "maxLength": "must have at most {} characters",
    "minLength": "must have at least {} character(s)",
    "maxItems": "must be at most {} images",
    "minItems": "must be at least {} image(s)",
}
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": ((), "True or False"),
    "object": ((dict,), "a mapping"),
    "array": ((list,), "a list"),
}


def type_fault(types: Collection[str], value: object) -> str | None:
    """Say which types a value may have, where it has none of them."""
    kinds = {kind for name in types for kind in _TYPES.get(name, ((),))[0]}
    # A bool is an int to Python, and to nobody else.
    fits = "boolean" in types if isinstance(value, bool) else isinstance(value, tuple(kinds))
    return None if fits or value is None else _type_words(types)


def why(error: jsonschema_rs.ValidationError, pointer: str, instance: Schema) -> tuple[str, str]:
    """Say what a request does wrong.

    Args:
        error: The rule that it breaks.
        pointer: Where the request's schema stands in the contract.
        instance: The request.

    Returns:
        The parameter, with the way into it, and why its value can't be.
    """
    kind = cast("Any", error.kind)
    keyword: str = kind.name
    path = [str(step) for step in error.instance_path]
    scope = scope_of(_condition_of(pointer, error), instance if len(path) == 1 else None)
    match keyword:
        case "required":
            return ".".join([*path, kind.property]), f"is required{scope}"
        case "falseSchema":
            text = "is not supported"
        case "enum":
            text = f"must be {_alternatives([str(choice) for choice in kind.value if choice is not None])}"
        case "type" if isinstance(error.instance, list):
            text = f"must be one, not {'several' if error.instance else 'none'}"
        case "type":
            text = _type_words(_types(error))
        case "not":
            text = f"must not be {kind.value['const']}"
        case "pattern" if is_of_size(error):
            text = "must be auto or WIDTHxHEIGHT"
        case _:
            text = _WORDS[keyword].format(kind.value) if keyword in _WORDS else error.message
    return ".".join(path), text + scope


def hint(schema: Schema, value: object) -> str:
    """Return how to say what was meant by a value that breaks a rule of its parameter, if that can be told."""
    choices = [text for choice in merged(schema).get("anyOf", ()) for text in merged(choice).get("enum", ())]
    takes_sizes = any(re.fullmatch(r"\d+x\d+", str(text)) for text in choices)
    sides = [plain(side) for side in value] if takes_sizes and isinstance(value, list | tuple) else []
    return f', such as "{sides[0]}x{sides[1]}"' if list(map(type, sides)) == [int, int] else ""


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the question whether another name was meant, if one is near."""
    from difflib import get_close_matches

    near = [each for each in known if name.endswith(f"_{each}")] or get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def is_of_size(error: jsonschema_rs.ValidationError) -> bool:
    """Tell whether a rule is the one of the format `image-size`."""
    return getattr(error.kind, "pattern", "") == SIZE.pattern


def side_fault(limits: Mapping[str, int] | None, size: object) -> str:
    """Say which bounds of `x-sides` a size breaks: nothing of `auto`, or of what is no size."""
    match = SIZE.fullmatch(size) if limits and isinstance(size, str) else None
    if limits is None or match is None or match[1] is None:
        return ""
    width, height = int(match[1]), int(match[2])
    names = ("multipleOf", "maximum", "minimumPixels", "maximumPixels", "maximumRatio")
    step, side, fewest, most, ratio = (limits[name] for name in names)
    faults = []
    if width % step or height % step:
        faults.append(f"sides that are multiples of {step}")
    if max(width, height) > side:
        faults.append(f"no side above {side}")
    if not fewest <= width * height <= most:
        faults.append(f"{fewest} to {most} pixels")
    if max(width, height) > ratio * min(width, height):
        faults.append(f"a ratio of at most {ratio}:1")
    return "must have " + " and ".join(faults) if faults else ""


def innermost(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Return what is really wrong where none of several alternatives fits."""
    if error.kind.name != "anyOf":
        return error
    errors = [branch[0] for branch in cast("Any", error.kind).context]
    wrong_type = [each for each in errors if each.kind.name == "type" and each.instance_path == error.instance_path]
    others = [each for each in errors if each not in wrong_type]
    wanted = [each for each in wrong_type if _types(each) != ["null"]]
    if wanted and not isinstance(error.instance, str):
        others = [each for each in others if each.kind.name != "enum"] or wanted
    return innermost((others or wanted or errors)[-1])


def tested(condition: Schema) -> list[str]:
    """Return the names of the parameters that an `if` looks at."""
    names = [*condition.get("properties", {}), *condition.get("required", ())]
    return list(dict.fromkeys([*names, *tested(condition["not"])] if "not" in condition else names))


def scope_of(condition: Schema | None, instance: Schema | None) -> str:
    """Say for which requests a rule holds, and the contract's reason for it.

    Args:
        condition: The conditional that it stands under, if it stands under one.
        instance: The request; None for a nested condition, of which only the reason is said.
    """
    if condition is None:
        return ""
    words = [""]
    for name in tested(condition["if"]):
        if instance is None:
            break
        value = instance.get(name)
        if name == document()["components"]["x-roles"]["model"]:
            words += [] if value is None else [f"for {value}"]
        elif value is None or value is False:
            words.append(f"without {name}")
        else:
            words.append(f"with {name} {value}".rstrip())
    reason = f" ({condition['description']})" if "description" in condition else ""
    return " ".join(words) + reason


def image_faults(
    facts: ImageFacts, rules: Mapping[str, tuple[Any, str]], images: Mapping[str, Sequence[ImageFacts]]
) -> Iterator[str]:
    """Say what an image does wrong.

    Args:
        facts: The image.
        rules: Each rule of `x-image` with its limit, and for which requests it holds.
        images: All images of the request, by parameter.
    """
    if facts.size == 0:
        yield "must not be empty"
    for rule, (limit, scope) in rules.items():
        match rule:
            case "types" if not _has_type(facts, limit):
                names = [name.partition("/")[2].replace("*", "another image format") for name in limit]
                yield f"must {'be converted to' if facts.type else 'be'} {_alternatives(names)}{scope}"
            case "bytesBelow" if facts.size >= limit:
                yield f"must be smaller than {limit >> 20} MB ({limit} bytes){scope}"
            case "square" if facts.width != facts.height:
                yield f"must be square{scope}"
            case "alpha" if facts.alpha is False:
                yield f"must have an alpha channel{scope}"
            case "sameSizeAs" if (first := next(iter(images.get(limit, ())), None)) and first.width:
                if (facts.width, facts.height) != (first.width, first.height):
                    yield f"must have the width and height of {limit}, {first.width}x{first.height}{scope}"
            case _:
                pass


def _has_type(facts: ImageFacts, types: Sequence[str]) -> bool:
    if facts.type in types:
        return facts.width is not None  # a type that was only said is no image
    return facts.type is not None and any(fnmatchcase(facts.type, each) for each in types)


def _type_words(types: Collection[str]) -> str:
    return f"must be {_alternatives([words for name, (_, words) in _TYPES.items() if name in types])}"


def _types(error: jsonschema_rs.ValidationError) -> list[str]:
    types = cast("Any", error.kind).types
    return list(types) if isinstance(types, list) else [types]


def _condition_of(pointer: str, error: jsonschema_rs.ValidationError) -> Schema | None:
    """Return the innermost condition on the way to a broken rule."""
    schema: Any = {"$ref": pointer}
    condition = None
    for step in error.evaluation_path[:-1]:  # the last is the keyword itself
        if step in {"then", "else"} and tested(schema["if"]):
            condition = schema
        schema = at(schema["$ref"]) if step == "$ref" else schema[step]
    return condition


def _alternatives(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
