"""The contract written as other people would write it: each document says the same as openapi.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]

_ANNOTATIONS = {"description", "title", "example", "deprecated"}
_NULL = {"type": "null"}


def without_rules(node: Any) -> Any:
    """Without what nobody else has: conditionals and extensions."""
    if isinstance(node, list):
        return [without_rules(child) for child in node]
    if not isinstance(node, dict):
        return node
    rules = {"if", "then", "else", "$defs"}
    kept = {key: child for key, child in node.items() if not key.startswith("x-") and key not in rules}
    return {key: without_rules(child) for key, child in kept.items()}


def in_3_0(node: Any) -> Any:
    """As OpenAPI 3.0 has it, where null is a keyword."""
    if isinstance(node, list):
        return [in_3_0(child) for child in node]
    if not isinstance(node, dict):
        return node
    schema = {key: in_3_0(child) for key, child in node.items()}
    if "openapi" in schema:
        schema["openapi"] = "3.0.3"
    if isinstance(schema.get("type"), list):
        (schema["type"],) = (name for name in schema["type"] if name != "null")
        schema["nullable"] = True
    if _NULL in schema.get("anyOf", ()):
        alternatives = [each for each in schema.pop("anyOf") if each != _NULL]
        schema |= {"nullable": True, "anyOf" if len(alternatives) > 1 else "allOf": alternatives}
    return schema


def with_wrong_nullable(node: Any) -> Any:
    """As 3.0 has it, under the number of 3.1."""
    return {**in_3_0(node), "openapi": "3.1.0"}


def under_other_names(document: Schema) -> Schema:
    """With a prefix before each path, and other names for all that has one of its own."""

    def renamed(node: Any) -> Any:
        if isinstance(node, list):
            return [renamed(child) for child in node]
        if not isinstance(node, dict):
            return node.replace("#/components/schemas/", "#/components/schemas/Their") if isinstance(node, str) else node
        return {key: renamed(child) for key, child in node.items()}

    theirs: Schema = renamed(document)
    theirs["paths"] = {f"/openai/v1{path}": item for path, item in theirs["paths"].items()}
    for item in theirs["paths"].values():
        item["post"]["operationId"] = f"their_{item['post']['operationId']}"
    theirs["components"]["schemas"] = {f"Their{name}": schema for name, schema in theirs["components"]["schemas"].items()}
    return theirs


def inlined(document: Schema) -> Schema:
    """Without a single reference; an event's type is a choice of its own then."""
    document = without_rules(document)
    for reference, names in _events(document).items():
        document["components"]["schemas"][reference]["properties"]["type"]["enum"] = names

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(child) for child in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(_at(document, node["$ref"]))
        return {key: resolved(child) for key, child in node.items() if key != "discriminator"}

    return {key: resolved(value) for key, value in document.items() if key != "components"}


def behind_references(document: Schema) -> Schema:
    """With a reference wherever there may be one: paths, bodies, and a schema that only refers to another."""
    components = document["components"]
    components |= {"pathItems": document["paths"], "requestBodies": {}}
    for name, schema in list(components["schemas"].items()):
        components["schemas"] |= {f"{name}Itself": schema, name: {"$ref": f"#/components/schemas/{name}Itself"}}
    for path, item in document["paths"].items():
        body = item["post"]["requestBody"]
        components["requestBodies"][path.rpartition("/")[2]] = body
        item["post"]["requestBody"] = {"$ref": f"#/components/requestBodies/{path.rpartition('/')[2]}"}
    document["paths"] = {path: {"$ref": f"#/components/pathItems/{path.replace('/', '~1')}"} for path in document["paths"]}
    return document


def in_parts(document: Schema) -> Schema:
    """With each object taken apart: what is required, and each property, in an `allOf` of their own."""
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            properties = schema.pop("properties")
            required = schema.pop("required", [])
            schema.setdefault("allOf", []).extend(
                [{"required": required}, *({"type": "object", "properties": {name: each}} for name, each in properties.items())]
            )
    return document


def backwards(node: Any) -> Any:
    """In the opposite order."""
    if isinstance(node, list):
        return [backwards(child) for child in reversed(node)]
    if not isinstance(node, dict):
        return node
    return {key: backwards(child) for key, child in reversed(node.items())}


def with_other_prose(node: Any) -> Any:
    """With other descriptions, and notes of other tools."""
    if isinstance(node, list):
        return [with_other_prose(child) for child in node]
    if not isinstance(node, dict):
        return node
    schema = {key: "Theirs." if key in _ANNOTATIONS and isinstance(child, str) else child for key, child in node.items()}
    schema = {key: with_other_prose(child) for key, child in schema.items()}
    is_schema = isinstance(schema.get("type"), str) and schema["type"] in {"string", "integer", "object", "array", "boolean"}
    return {**schema, "title": "Theirs", "x-theirs": {"order": 1}, "example": None} if is_schema else schema


STYLES: dict[str, Callable[[Schema], Schema]] = {
    style.__name__: style
    for style in (
        without_rules,
        in_3_0,
        with_wrong_nullable,
        under_other_names,
        inlined,
        behind_references,
        in_parts,
        backwards,
        with_other_prose,
    )
}


def _events(document: Schema) -> dict[str, list[str]]:
    mapping: dict[str, str] = document["components"]["schemas"]["ImageStreamEvent"]["discriminator"]["mapping"]
    names: dict[str, list[str]] = {}
    for event, reference in mapping.items():
        names.setdefault(reference.rpartition("/")[2], []).append(event)
    return names


def _at(document: Schema, reference: str) -> Any:
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node
