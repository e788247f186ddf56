"""List what an OpenAPI document says of an API's operations: one entry for each thing it speaks of."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, NamedTuple

from tools.comparison.documents import Node
from tools.comparison.shapes import ALL_TYPES, Fact, Shape, ShapeReader

_EVENTS = "text/event-stream"
_SUCCESS = re.compile("2..")
# What a rule that leaves a field as it is seems to say of it.
_SAYS_NOTHING = {
    "null allowed": True,
    "required": False,
    "other fields allowed": True,
    "other values allowed": False,
}


class Place(NamedTuple):
    """What is spoken of, under the same name in every document."""

    operation: str
    part: str = ""  # "request application/json", "event image_edit.completed", ...
    field: tuple[str, ...] = ()
    when: str = ""  # the condition of a rule

    def parents(self) -> "Iterator[Place]":
        """Yield what it belongs to, the nearest first."""
        if self.when:
            yield self._replace(when="")
        for length in range(len(self.field) - 1, -1, -1):
            yield self._replace(field=self.field[:length], when="")
        if self.part:
            yield Place(self.operation)


@dataclass
class Entry:
    """What is said of a place."""

    pointer: str
    facts: dict[str, Fact] = field(default_factory=dict)


Entries = dict[Place, Entry]


@dataclass
class Facts:
    """All that a document says of some operations."""

    entries: Entries
    misplaced_nullable: frozenset[str]


def read_facts(operations: Mapping[str, tuple[str, Node]], *, own: bool = False) -> Facts:
    """Read the facts of operations.

    Args:
        operations: The operations by the name they go by in both documents: their method and path item.
        own: Whether to read what only this project's contract says as well: conditionals and extensions.

    Returns:
        The facts, descriptions and names of schemas left out.

    Raises:
        DocumentError: What is said of an operation can't be understood.
    """
    reader = ShapeReader(own=own)
    entries: Entries = {}
    for name, (method, item) in operations.items():
        operation = item.mapping()[method]
        entries[Place(name)] = Entry(operation.pointer)
        for part, shape in _parts(reader, item, operation):
            entries.update(_entries(Place(name, part), shape))
    return Facts(entries, frozenset(reader.misplaced_nullable))


def _parts(reader: ShapeReader, item: Node, operation: Node) -> Iterator[tuple[str, Shape]]:
    said = operation.mapping()
    yield from _parameters(reader, item, operation)
    if "requestBody" in said:
        for media_type, schema in _schemas([said["requestBody"].resolved()]):
            yield f"request {media_type}", _read(reader, schema)
    responses = said["responses"].mapping() if "responses" in said else {}
    succeeded = [node.resolved() for status, node in responses.items() if _SUCCESS.match(status)]
    failed = [node.resolved() for status, node in responses.items() if not _SUCCESS.match(status)]
    yield from _joined(reader, "reply", succeeded)
    yield from _joined(reader, "error", failed)


def _parameters(reader: ShapeReader, item: Node, operation: Node) -> Iterator[tuple[str, Shape]]:
    shapes: dict[str, Shape] = {}
    for owner in (item, operation):
        listed = owner.mapping().get("parameters")
        for parameter in listed.list() if listed else ():
            said = parameter.resolved().mapping()
            if missing := {"name", "in"} - said.keys():
                raise parameter.error(f"a parameter needs {' and '.join(sorted(missing))}")
            name, kind = str(said["name"].value), f"{said['in'].value} parameters"
            value = reader.read(said["schema"]) if "schema" in said else Shape(parameter.pointer)
            shape = shapes.get(kind, Shape(listed.pointer if listed else owner.pointer, types=frozenset({"object"}), null=False))
            needed = {name} if "required" in said and said["required"].value is True else set[str]()
            fields = {**shape.fields, name: replace(value, pointer=parameter.pointer)}
            shapes[kind] = replace(shape, fields=fields, required=shape.required - {name} | needed)
    yield from shapes.items()


def _joined(reader: ShapeReader, kind: str, responses: Iterable[Node]) -> Iterator[tuple[str, Shape]]:
    """Yield what responses of one kind may hold, whichever their status."""
    shapes: dict[str, list[Shape]] = {}
    for media_type, schema in _schemas(responses):
        for part, shape in (
            _events(reader, schema) if media_type == _EVENTS else [(f"{kind} {media_type}", _read(reader, schema))]
        ):
            shapes.setdefault(part, []).append(shape)
    for part, alternatives in shapes.items():
        yield part, reduce(Shape.__or__, alternatives)


def _schemas(holders: Iterable[Node]) -> Iterator[tuple[str, Node]]:
    for holder in holders:
        said = holder.mapping()
        for media_type, media in said["content"].mapping().items() if "content" in said else ():
            schema = media.mapping().get("schema", Node(media.document, {}, media.pointer))
            yield media_type.partition(";")[0].strip().lower(), schema


def _events(reader: ShapeReader, schema: Node) -> Iterator[tuple[str, Shape]]:
    """Yield the events that a stream may hold, by their type."""
    stream = schema.resolved()
    said = stream.mapping()
    discriminator = said["discriminator"].mapping() if "discriminator" in said else {}
    name = str(discriminator["propertyName"].value) if "propertyName" in discriminator else "type"
    mapping = discriminator["mapping"].mapping() if "mapping" in discriminator else {}
    names = {event: _schema_name(target.value) for event, target in mapping.items()}
    alternatives = [each for keyword in ("anyOf", "oneOf") if keyword in said for each in said[keyword].list()]
    for alternative in alternatives or [schema]:
        shape = _read(reader, alternative)
        kind = shape.fields.get(name, Shape(shape.pointer))
        reference = alternative.value.get("$ref") if isinstance(alternative.value, dict) else None
        mapped = [event for event, target in names.items() if target == _schema_name(reference)]
        # The type is what the event is called here, so its choices are no fact of their own.
        fields = {
            key: replace(child, closed=False, choices=frozenset()) if key == name else child
            for key, child in shape.fields.items()
        }
        for event in (sorted(kind.choices) if kind.closed else mapped) or ["of any type"]:
            yield f"event {event}", replace(shape, fields=fields)


def _schema_name(reference: Any) -> str:
    return str(reference).rpartition("/")[2]


def _read(reader: ShapeReader, schema: Node) -> Shape:
    """Read what isn't part of anything else, and place it where it is spelled out."""
    return replace(reader.read(schema), pointer=schema.resolved().pointer)


def _entries(place: Place, shape: Shape, *, needed: bool | None = None) -> Iterator[tuple[Place, Entry]]:
    yield place, Entry(shape.pointer, _facts(shape, needed=needed))
    for name in sorted(shape.fields.keys() | shape.required):
        child = shape.fields.get(name, Shape(shape.pointer))
        yield from _entries(place._replace(field=(*place.field, name)), child, needed=name in shape.required)
    if shape.items is not None and "array" in shape.types:
        yield from _entries(place._replace(field=(*place.field, "[*]")), shape.items)
    for condition, rule in shape.rules.items():
        yield from _rule_entries(place, condition, rule)


def _rule_entries(place: Place, condition: str, rule: Shape) -> Iterator[tuple[Place, Entry]]:
    """Yield what a rule says of fields: an entry for each of which it says anything."""
    for under, entry in _entries(place, replace(rule, rules={})):
        said = {name: fact for name, fact in entry.facts.items() if fact.value != _SAYS_NOTHING.get(name)}
        if "choices" in said:
            said.pop("types", None)
        if under.field != place.field and said:
            yield under._replace(when=condition), Entry(entry.pointer, said)


def _facts(shape: Shape, *, needed: bool | None) -> dict[str, Fact]:
    facts: dict[str, Any] = {"null allowed": shape.null}
    if shape.types != ALL_TYPES:
        facts["types"] = shape.types
    if needed is not None:
        facts["required"] = needed
    if shape.choices:
        facts["choices"] = shape.choices
        facts["other values allowed"] = not shape.closed
    if "object" in shape.types:
        facts["other fields allowed"] = shape.other_fields
    said = {name: Fact(value, shape.pointer) for name, value in facts.items()}
    return {**said, **{name: fact for name, fact in shape.limits.items() if shape.applies(name)}}
