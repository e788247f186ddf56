"""Bring a JSON Schema into one form, whichever way it is written: references, unions, allOf, nullable, const."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, NamedTuple, TypeVar

from tools.comparison.conditions import describe
from tools.comparison.documents import Node

ALL_TYPES = frozenset({"array", "boolean", "file", "integer", "number", "object", "string"})
UPPER_BOUNDS = frozenset(
    {
        *("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"),
        *("x-image.bytesBelow", "x-sides.maximum", "x-sides.maximumPixels", "x-sides.maximumRatio"),
    }
)
LOWER_BOUNDS = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "x-sides.minimumPixels"})
# What reading one takes, in nanoseconds or so.
_UNITS_A_SCHEMA = 100_000
_T = TypeVar("_T")
_NUMBERS = frozenset({"integer", "number"})
_STRINGS = frozenset({"string"})
_LISTS = frozenset({"array"})
_OBJECTS = frozenset({"object"})
# What each keyword limits. It says nothing of values of other types.
_LIMITS: dict[str, frozenset[str]] = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBERS),
    **dict.fromkeys(("minLength", "maxLength", "pattern"), _STRINGS),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), _LISTS),
    **dict.fromkeys(("minProperties", "maxProperties"), _OBJECTS),
}
# Limits that this contract's own readers keep; to others, they are mere annotations or unknown.
_OWN_LIMITS = ("x-image", "x-sides")
_OWN_KEYWORDS = ("format", "not")
_NO_LIMIT: dict[str, Any] = {"minLength": 0, "minItems": 0, "minProperties": 0, "uniqueItems": False}


class Fact(NamedTuple):
    """What a document says, and where."""

    value: Any
    pointer: str


@dataclass(frozen=True)
class Shape:
    """What a value may be."""

    pointer: str
    types: frozenset[str] = ALL_TYPES
    null: bool = True
    choices: frozenset[str] = frozenset()
    closed: bool = False
    limits: Mapping[str, Fact] = field(default_factory=dict)
    fields: "Mapping[str, Shape]" = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    other_fields: bool = True
    items: "Shape | None" = None
    rules: "Mapping[str, Shape]" = field(default_factory=dict)

    def __and__(self, other: "Shape") -> "Shape":
        """Return what is both, as `allOf` has it."""
        return Shape(
            pointer=self.pointer,
            types=self.types & other.types,
            null=self.null and other.null,
            choices=self.choices & other.choices if self.closed and other.closed else self._narrower_choices(other),
            closed=self.closed or other.closed,
            limits=_merged(self.limits, other.limits, _tighter),
            fields=_merged(self.fields, other.fields, lambda _, one, two: one & two),
            required=self.required | other.required,
            other_fields=self.other_fields and other.other_fields,
            items=self.items & other.items if self.items and other.items else self.items or other.items,
            rules=_merged(self.rules, other.rules, lambda _, one, two: one & two),
        )

    def __or__(self, other: "Shape") -> "Shape":
        """Return what is one or the other, as `anyOf` and `oneOf` have it."""
        both_objects = self.types & other.types >= _OBJECTS
        return Shape(
            pointer=self.pointer,
            types=self.types | other.types,
            null=self.null or other.null,
            choices=self.choices | other.choices,
            closed=self._closes(other) and other._closes(self) and (self.closed or other.closed),
            limits={
                **{name: fact for name, fact in self.limits.items() if other.leaves(name)},
                **{name: fact for name, fact in other.limits.items() if self.leaves(name)},
                **{name: _looser(name, fact, other.limits[name]) for name, fact in self.limits.items() if name in other.limits},
            },
            fields=_merged(self.fields, other.fields, lambda _, one, two: one | two),
            required=self.required & other.required if both_objects else self.required | other.required,
            other_fields=self.other_fields or other.other_fields if both_objects else self.other_fields and other.other_fields,
            items=self.items | other.items if self.items and other.items else self.items or other.items,
            rules=_merged(self.rules, other.rules, lambda _, one, two: one & two),
        )

    def applies(self, limit: str) -> bool:
        """Tell whether a limit says anything of these types."""
        return bool(self.types & _LIMITS.get(limit, ALL_TYPES))

    def leaves(self, limit: str) -> bool:
        """Tell whether another's limit still holds where this shape, which doesn't have it, is allowed as well."""
        return limit == "default" or self.closed or not self.applies(limit)

    def _narrower_choices(self, other: "Shape") -> frozenset[str]:
        return self.choices if self.closed else other.choices if other.closed else self.choices | other.choices

    def _closes(self, other: "Shape") -> bool:
        """Tell whether this leaves the other's choices closed: it has its own, or is of another type."""
        return self.closed or not self.types & other.types


class ShapeReader:
    """Reads the schemas of one document."""

    def __init__(self, *, own: bool) -> None:
        """Prepare.

        Args:
            own: Whether to read what only this project's contract says as well: conditionals and extensions.
        """
        self.own = own
        # `nullable` in a 3.1 document says nothing to those who go by the book; it is read as it was meant.
        self.misplaced_nullable: set[str] = set()

    def read(self, node: Node, active: frozenset[str] = frozenset()) -> Shape:
        """Read a schema.

        Args:
            node: The schema.
            active: The references that led here; one that is met again is any value, so that cycles end.

        Raises:
            DocumentError: It is no schema, or refers to nothing.
        """
        if isinstance(node.value, bool):
            return Shape(node.pointer) if node.value else Shape(node.pointer, types=frozenset(), null=False)
        schema = node.mapping()
        node.document.spend(1, units=_UNITS_A_SCHEMA)
        parts = [self._keywords(node, schema, active)]
        if "$ref" in schema:
            node.resolved()  # a chain of references has to end; only what they lead to may hold itself
            target = node.target()
            parts.append(Shape(node.pointer) if target.pointer in active else self.read(target, active | {target.pointer}))
        if "allOf" in schema:
            parts += [self.read(part, active) for part in schema["allOf"].list()]
        parts += [
            _joined(node, Shape.__or__, [self.read(part, active) for part in schema[keyword].list()])
            for keyword in ("anyOf", "oneOf")
            if keyword in schema and schema[keyword].list()
        ]
        shape = _joined(node, Shape.__and__, parts)
        if "nullable" in schema and schema["nullable"].value is True:
            shape = replace(shape, null=True)
            if node.document.version != "3.0":
                self.misplaced_nullable.add(schema["nullable"].pointer)
        if self.own and "if" in schema:
            shape = self._with_rules(shape, schema, active)
        return shape

    def _keywords(self, node: Node, schema: dict[str, Node], active: frozenset[str]) -> Shape:
        types, null = _types(schema)
        choices = _choices(schema)
        return Shape(
            pointer=node.pointer,
            types=types,
            null=null,
            choices=frozenset(_text(choice) for choice in choices or () if choice is not None),
            closed=bool(choices) and choices != [None],
            limits=self._limits(schema, types),
            fields={name: self.read(child, active) for name, child in _children(schema, "properties").items()},
            required=frozenset(str(name.value) for name in schema["required"].list()) if "required" in schema else frozenset(),
            other_fields="additionalProperties" not in schema or schema["additionalProperties"].value is not False,
            items=self.read(schema["items"], active) if "items" in schema else None,
        )

    def _limits(self, schema: dict[str, Node], types: frozenset[str]) -> dict[str, Fact]:
        limits = {name: _limit(name, node) for name, node in schema.items() if name in _LIMITS or name == "default"}
        for exclusive, inclusive, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            # In 3.0, it says of the other bound that it is exclusive.
            if exclusive in limits and isinstance(limits[exclusive].value, bool):
                flag = limits.pop(exclusive)
                if flag.value and inclusive in limits:
                    limits[exclusive] = limits.pop(inclusive)
            if exclusive in limits and types == frozenset({"integer"}):
                fact = limits.pop(exclusive)
                limits[inclusive] = Fact(fact.value + step, fact.pointer)
        if self.own:
            limits |= {name: Fact(_text(schema[name].value), schema[name].pointer) for name in _OWN_KEYWORDS if name in schema}
            for extension in _OWN_LIMITS:
                limits |= {f"{extension}.{name}": _own_limit(child) for name, child in _children(schema, extension).items()}
        return {name: fact for name, fact in limits.items() if fact.value is not None and fact.value != _NO_LIMIT.get(name)}

    def _with_rules(self, shape: Shape, schema: dict[str, Node], active: frozenset[str]) -> Shape:
        condition = describe(schema["if"].value)
        for branch, holds in (("then", condition), ("else", f"not ({condition})")):
            if branch not in schema:
                continue
            rule = self.read(schema[branch], active)
            if not condition:
                return shape & rule
            found = {f"{holds} and {deeper}": nested for deeper, nested in rule.rules.items()}
            rules = _merged(shape.rules, {**found, holds: replace(rule, rules={})}, lambda _, one, two: one & two)
            shape = replace(shape, rules=rules)
        return shape


def _joined(node: Node, join: Callable[[Shape, Shape], Shape], shapes: list[Shape]) -> Shape:
    def joined(one: Shape, two: Shape) -> Shape:
        # What both hold is copied each time.
        node.document.spend(len(one.fields) + len(one.choices) + len(one.rules))
        return join(one, two)

    return reduce(joined, shapes)


def _types(schema: dict[str, Node]) -> tuple[frozenset[str], bool]:
    """Return the types that a schema's own keywords allow, and whether null is one."""
    choices = _choices(schema)
    if "type" in schema:
        value = schema["type"].value
        names = [value] if isinstance(value, str) else [str(name.value) for name in schema["type"].list()]
    elif choices is not None:
        names = [_type_of(choice) for choice in choices]
    elif "properties" in schema:
        names = ["object"]
    elif "items" in schema:
        names = ["array"]
    elif _is_binary(schema):
        names = ["string"]
    else:
        return ALL_TYPES, True
    types = {name for name in names if name != "null"}
    if "string" in types and _is_binary(schema):
        types = types - {"string"} | {"file"}
    # Whole numbers are numbers.
    return frozenset(types | {"integer"} if "number" in types else types), "null" in names or None in (choices or ())


def _is_binary(schema: dict[str, Node]) -> bool:
    """Tell whether a text is a file: `format: binary` in 3.0, a media type without an encoding in 3.1."""
    if "format" in schema and schema["format"].value == "binary":
        return True
    return "contentMediaType" in schema and "contentEncoding" not in schema


def _type_of(value: Any) -> str:
    names: dict[type, str] = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value), "string")


def _choices(schema: dict[str, Node]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"].value]
    return [choice.value for choice in schema["enum"].list()] if "enum" in schema else None


def _children(schema: dict[str, Node], keyword: str) -> dict[str, Node]:
    return schema[keyword].mapping() if keyword in schema else {}


def _limit(name: str, node: Node) -> Fact:
    if name in UPPER_BOUNDS | LOWER_BOUNDS and not isinstance(node.value, int | float):
        raise node.error(f"must be a number, is {node.value!r}")
    return Fact(node.value, node.pointer)


def _own_limit(node: Node) -> Fact:
    return Fact(frozenset(map(str, node.value)) if isinstance(node.value, list) else node.value, node.pointer)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _merged(one: Mapping[str, _T], two: Mapping[str, _T], both: Callable[[str, _T, _T], _T]) -> dict[str, _T]:
    return {**one, **{name: both(name, one[name], value) if name in one else value for name, value in two.items()}}


def _tighter(name: str, one: Fact, two: Fact) -> Fact:
    if name in UPPER_BOUNDS or name in LOWER_BOUNDS:
        return (min if name in UPPER_BOUNDS else max)(one, two)
    return two


def _looser(name: str, one: Fact, two: Fact) -> Fact:
    if name in UPPER_BOUNDS or name in LOWER_BOUNDS:
        return (max if name in UPPER_BOUNDS else min)(one, two)
    return one if one.value == two.value else Fact(" or ".join(sorted(map(_text, (one.value, two.value)))), one.pointer)
