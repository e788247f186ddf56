"""What a model takes of an operation and for a parameter: all that the contract's conditionals say of the model alone."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from images_api._contract.document import at, merged
from images_api._contract.rules import branches, looked_at
from images_api._contract.wording import image_fault, sized

from ._operations import parameters, roles, streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from images_api._contract.document import Schema
    from images_api._contract.operations import Operation
    from images_api._contract.rules import Branch, RequestContract

# Of several rules, each of which holds: which limit is left.
_NARROWEST = {
    "minimum": max,
    "exclusiveMinimum": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "multipleOf": max,
    "minLength": max,
    "maxLength": min,
    "minItems": max,
    "maxItems": min,
}


class Facts(NamedTuple):
    """What a model takes for a parameter.

    Attributes:
        required: Whether it must be given.
        types: Its JSON types, null aside.
        choices: The values that are listed.
        is_open: Whether it also takes others.
        form: What its text must be, in words, where there is a pattern for it.
        bounds: The bounds of its value, length or number of images, by the keyword of JSON Schema.
        sides: The rules for a size, as in `x-sides`.
        image: The rules for an image, as in `x-image`.
        default: What is sent where nothing is said; None for nothing.
        fields: What the fields of a mapping take, by name.
        bodies: The media types of the bodies that have it.
    """

    required: bool
    types: tuple[str, ...]
    choices: tuple[Any, ...]
    is_open: bool
    form: str | None
    bounds: Mapping[str, float]
    sides: Mapping[str, float]
    image: Mapping[str, Any]
    default: Any
    fields: Mapping[str, Facts]
    bodies: tuple[str, ...]


class Use(NamedTuple):
    """What a model takes of an operation.

    Attributes:
        bodies: The media types of the bodies that it takes; none where it doesn't take the operation.
        streams: Whether it can answer events.
        parameters: The facts of those that it takes, by name.
        reasons: The contract's reasons why it doesn't take others, by name; many have none.
        reason: The contract's reason why it doesn't take the operation.
    """

    bodies: tuple[str, ...]
    streams: bool
    parameters: Mapping[str, Facts]
    reasons: Mapping[str, str]
    reason: str


def model_role() -> str:
    """Return the name of the parameter that tells the model; an empty text where none does."""
    return roles().get("model", "")


@cache
def use(operation: Operation, model: str) -> Use:
    """Return what a model takes of an operation, whatever else a request says.

    Args:
        operation: The operation.
        model: Its id; for one that no family knows, what every server needs is left.
    """
    role = model_role()
    held = {kind: [each for each in _of_models(body) if each.holds({role: model})] for kind, body in operation.bodies.items()}
    refusals = {kind: [each.reason for each in held[kind] if role in each.lacking] for kind in held}
    taking = tuple(kind for kind, reasons in refusals.items() if not reasons)
    found: dict[str, Facts] = {}
    lacks: dict[str, str] = {}
    for name in parameters(operation):
        for kind, body in operation.bodies.items():
            own = body.references.get(name, name)
            if own not in body.properties:
                continue
            if against := refusals[kind] or [each.reason for each in held[kind] if own in each.lacking]:
                lacks.setdefault(name, against[-1])
            elif name in found:
                found[name] = found[name]._replace(bodies=(*found[name].bodies, kind))
            else:
                facts = narrowed([each.rules[own] for each in held[kind] if own in each.rules], is_required=own in body.required)
                found[name] = facts._replace(bodies=(kind,))
    stream = roles().get("stream")
    lacking = {kind: {name for each in held[kind] for name in each.lacking} for kind in taking}
    may_stream = any(stream in operation.bodies[kind].properties and stream not in lacking[kind] for kind in taking)
    reasons = {name: reason for name, reason in lacks.items() if name not in found}
    return Use(
        bodies=taking,
        streams=streams(operation) and may_stream,
        parameters=found,
        reasons=reasons,
        reason="" if taking else next(iter(refusals.values()))[-1],
    )


@cache
def _of_models(body: RequestContract) -> list[Branch]:
    """Return the parts of a request's schema on which nothing but the model decides."""
    role = {model_role()}
    return [each for each in branches(body.pointer) if all({*looked_at(merged(at(place)))} <= role for place, _ in each.ifs)]


def narrowed(rules: Sequence[Schema], *, is_required: bool = False) -> Facts:
    """Return what is left where all of several rules hold; the first is the general one."""
    parts = [list(_parts(rule)) for rule in rules]
    flat = [part for each in parts for part in each]
    kinds, *narrower = [found for each in parts if (found := _types(each))] or [list[str]()]
    types = tuple(kind for kind in kinds if kind != "null" and all(kind in each for each in narrower))
    image, sides = _updated(flat, "x-image"), _updated(flat, "x-sides")
    limits = {keyword: [part[keyword] for part in flat if keyword in part] for keyword in _NARROWEST}
    bounds = {keyword: _NARROWEST[keyword](found) for keyword, found in limits.items() if found}
    if image and "array" not in types:
        bounds |= {"minItems": 1, "maxItems": 1}
    closed = [_values(each) for rule, each in zip(rules, parts, strict=True) if _is_closed(rule)]
    # The narrowest list has an order of its own.
    listed = closed[-1] if closed else next(filter(None, map(_values, parts)), [])
    excluded = _values([part["not"] for part in flat if "not" in part])
    forms = [part["title"] for part in flat if {"title", "pattern"} <= part.keys()]
    return Facts(
        required=is_required and "default" not in rules[0],
        types=types,
        choices=tuple(
            value
            for value in listed
            if all(value in each for each in closed) and value not in excluded and not _breaks(sides, value)
        ),
        is_open=not closed,
        form=None if closed else next(reversed(forms), None),
        bounds=bounds,
        sides={} if closed else sides,
        image=image,
        default=next((rule["default"] for rule in reversed(rules) if "default" in rule), None),
        fields=_fields(flat),
        bodies=(),
    )


def _fields(parts: Sequence[Schema]) -> dict[str, Facts]:
    found: dict[str, list[Schema]] = {}
    for part in parts:
        for name, rule in part.get("properties", {}).items():
            found.setdefault(name, []).append(merged(rule))
    return {
        name: narrowed(rules, is_required=any(name in part.get("required", ()) for part in parts))
        for name, rules in found.items()
    }


def _parts(rule: Schema) -> Iterator[Schema]:
    """Yield a rule, and the alternatives and additions within."""
    whole = merged(rule)
    yield whole
    for keyword in ("allOf", "anyOf", "oneOf"):
        for part in whole.get(keyword, ()):
            yield from _parts(part)


def _types(parts: Sequence[Schema]) -> list[str]:
    types = [part["type"] for part in parts if "type" in part]
    return list(dict.fromkeys(name for each in types for name in ([each] if isinstance(each, str) else each)))


def _values(parts: Sequence[Schema]) -> list[Any]:
    values = [value for part in parts for value in [*part.get("enum", ()), *([part["const"]] if "const" in part else ())]]
    return [value for value in dict.fromkeys(values) if value is not None]


def _is_closed(rule: Schema) -> bool:
    """Return whether a rule takes nothing but what it lists."""
    kinds = [merged(part) for part in (rule.get("anyOf") or rule.get("oneOf") or [rule])]
    listing = [kind for kind in kinds if {"enum", "const"} & kind.keys()]
    return bool(listing) and all(kind in listing or kind.get("type") == "null" for kind in kinds)


def _updated(parts: Sequence[Schema], keyword: str) -> dict[str, Any]:
    """Return what a keyword says, each rule in it by the last that has it."""
    return {rule: limit for part in parts for rule, limit in part.get(keyword, {}).items()}


def _breaks(sides: Mapping[str, Any], value: object) -> bool:
    return any(image_fault(rule, limit, facts, facts) for facts in sized(value) for rule, limit in sides.items())
