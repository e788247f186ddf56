"""Ways around an OpenAPI document: its operations, what a reference stands for, every value with its place."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Schema = dict[str, Any]
# `true` and `false` are schemas as well: anything goes, nothing does.
Subschema = Schema | bool
Place = tuple[str | int, ...]

# https://spec.openapis.org/oas/v3.1.1.html#path-item-object; what else a path holds is no operation.
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ALTERNATIVES = ("allOf", "anyOf", "oneOf")


class Operation(NamedTuple):
    """One operation and where it stands."""

    method: str
    path: str
    definition: Schema
    parameters: list[Schema]
    """Those of its path and of its own, in the URL or the headers."""

    @property
    def place(self) -> Place:
        """Return the way to it in the document."""
        return ("paths", self.path, self.method)

    @property
    def id(self) -> str:
        """Return its `operationId`."""
        return str(self.definition["operationId"])

    @property
    def bodies(self) -> dict[str, Schema]:
        """Return the kinds of its body by media type; empty where it has none."""
        return dict(self.definition.get("requestBody", {}).get("content", {}))


def operations(document: Schema) -> Iterator[Operation]:
    """Yield every operation, in the document's order."""
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield Operation(method, path, item[method], [*item.get("parameters", ()), *item[method].get("parameters", ())])


def place_of(pointer: str) -> Place:
    """Return the way that a local `$ref` describes; in lists, by texts."""
    return tuple(unescaped(step) for step in pointer.lstrip("#/").split("/"))


def unescaped(step: str) -> str:
    """Return the key that a step of a JSON pointer names."""
    return step.replace("~1", "/").replace("~0", "~")


def at(document: Schema, place: Place) -> Any:
    """Return what is at a place.

    Raises:
        LookupError: Nothing is.
    """
    node: Any = document
    for step in place:
        try:
            node = node[int(step)] if isinstance(node, list) else node[step]
        except (LookupError, TypeError, ValueError) as error:
            raise LookupError("/".join(map(str, place))) from error
    return node


def role(document: Schema, meaning: str) -> str:
    """Return the name of the parameter that has a meaning, as `x-roles` says; an empty text where none has."""
    return str(document.get("components", {}).get("x-roles", {}).get(meaning, ""))


def resolved(document: Schema, schema: Schema) -> Schema:
    """Return a schema, or what it refers to with its own keywords beside."""
    if "$ref" not in schema:
        return schema
    return resolved(document, at(document, place_of(schema["$ref"]))) | {key: schema[key] for key in schema if key != "$ref"}


def alternatives(document: Schema, schema: Schema) -> list[Subschema]:
    """Return the schemas one of which a value has, each with what it refers to; the schema itself where it names none."""
    whole = resolved(document, schema)
    parts: list[Subschema] = [part for keyword in ("anyOf", "oneOf") for part in whole.get(keyword, ())]
    return [part if isinstance(part, bool) else resolved(document, part) for part in parts] or [whole]


def declared(document: Schema, schema: Subschema) -> dict[str, Schema]:
    """Return the properties that a schema declares, its own first, of all its alternatives, whatever the conditions."""
    if isinstance(schema, bool):
        return {}
    whole = resolved(document, schema)
    found: dict[str, Schema] = dict(whole.get("properties", {}))
    for keyword in ALTERNATIVES:
        for part in whole.get(keyword, ()):
            found |= declared(document, part) | found
    return found


def walk(node: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every part of a document, itself first, with its place."""
    yield place, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from walk(child, (*place, key))
