"""What this project asks of its contract beyond OpenAPI, so that models, options and the facade can be made of it."""

import re
from collections.abc import Iterator

from tools.generator.document import Operation, Place, Schema, Subschema, operations, resolved
from tools.generator.extensions import wrong_extensions
from tools.generator.parameter_names import unknown_names

_PARAMETER = re.compile(r"\{[\w.-]+\}")
_REQUEST = re.compile(r"#/components/schemas/\w+Request")


def broken_conventions(document: Schema) -> Iterator[tuple[Place, str]]:
    """Yield what breaks a convention, with its place.

    Args:
        document: A contract that is right as to its form.
    """
    ids: set[object] = set()
    for operation in operations(document):
        yield from _in_operation(operation, ids)
        ids.add(operation.definition.get("operationId"))
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        place = ("components", "schemas", name)
        yield from _in_schema(document, place, schema)
        for key, part in schema.get("properties", {}).items():
            yield from _in_schema(document, (*place, "properties", key), part)
    yield from wrong_extensions(document)
    yield from unknown_names(document)


def _in_operation(operation: Operation, ids: set[object]) -> Iterator[tuple[Place, str]]:
    name = operation.definition.get("operationId")
    if {'"', "\\", "{", "}", " "} & set(_PARAMETER.sub("", operation.path)):
        yield operation.place[:-1], "a path is of letters, digits and signs, and of the names of its parameters in braces"
    if name is None:
        yield operation.place, "has no operationId, after which its module and its options are named"
    elif not name.isidentifier():
        yield (*operation.place, "operationId"), f"must be a name such as createImage, not {name!r}"
    elif name in ids:
        yield (*operation.place, "operationId"), f"another operation is called {name} as well"
    if "summary" not in operation.definition:
        yield operation.place, "has no summary, which describes its options"
    if "$ref" in operation.definition.get("requestBody", {}):
        yield (*operation.place, "requestBody"), "must stand here; let the schema in it be a reference"
    for media_type, body in operation.bodies.items():
        if not _REQUEST.fullmatch(str(body.get("schema", {}).get("$ref"))):
            why = "needs as its schema a $ref to one of components/schemas with a name that ends with Request"
            yield (*operation.place, "requestBody", "content", media_type, "schema"), why


def _in_schema(document: Schema, place: Place, schema: Subschema) -> Iterator[tuple[Place, str]]:
    if isinstance(schema, bool):
        yield place, "must be a mapping with a description"
        return
    if not resolved(document, schema).get("description"):
        yield place, "has no description, which documents it"
    if "enum" in schema:
        kinds = {type(choice).__name__ for choice in schema["enum"] if choice is not None}
        if kinds not in ({"str"}, {"int"}):
            mixed = f"has {' and '.join(sorted(kinds))}" if kinds else "is empty"
            yield (*place, "enum"), f"must be texts only or whole numbers only, {mixed}"
