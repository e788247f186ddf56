"""The methods that operations become: their names, and their parameters out of all bodies."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from keyword import iskeyword
from typing import Any

from openapi_python_client.strings import snake_case

from tools.generator.document import Operation, Place, Schema, alternatives, operations, place_of, resolved, role

FORM = "multipart/form-data"
JSON = "application/json"
_IMAGES = "#/components/schemas/ImagesResponse"
EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Body:
    """One kind of body of an operation."""

    media_type: str
    reference: str
    """The `$ref` of its schema."""
    schema: Schema

    @property
    def properties(self) -> dict[str, Schema]:
        """Return the schema of each property by name, as it stands there."""
        return dict(self.schema.get("properties", {}))

    @property
    def place(self) -> Place:
        """Return where the properties stand in the document."""
        return (*place_of(self.reference), "properties")

    @property
    def required(self) -> list[str]:
        """Return the properties that a caller must name: a default fills in for the others."""
        return [name for name in self.schema.get("required", ()) if "default" not in self.properties.get(name, {})]

    @property
    def references(self) -> dict[str, str]:
        """Return which property stands for which file parameter of the form, when images are given by reference."""
        named = {name: schema.get("x-reference-of") for name, schema in self.properties.items()}
        return {name: file for name, file in named.items() if isinstance(file, str)}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method: what it is in each body that has it."""

    name: str
    """The name on the wire."""
    schemas: tuple[tuple[Body, Schema], ...]
    required: bool
    is_file: bool
    takes_several: bool
    """Whether it is a file of which there may be a list."""
    by_reference: bool
    """Whether it is a file that may also be given as a link or the id of a file."""

    @property
    def python_name(self) -> str:
        """Return the name in signatures and TypedDicts: that on the wire, unless Python keeps it for itself."""
        return f"{self.name}_" if iskeyword(self.name) else self.name

    @property
    def schema(self) -> Schema:
        """Return what it is in the first body that has it."""
        return self.schemas[0][1]


@dataclass(frozen=True)
class Method:
    """One operation as a method, and as its twin that streams."""

    operation: Operation
    bodies: tuple[Body, ...]
    parameters: tuple[Parameter, ...]
    streams: bool

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Return what the contract says in `x-method`."""
        return dict(self.operation.definition.get("x-method", {}))

    @property
    def options_name(self) -> str:
        """Return the name of the TypedDict of its options."""
        return f"{self.operation.id[0].upper()}{self.operation.id[1:]}Options"

    @property
    def name(self) -> str:
        """Return the method's name."""
        return str(self.settings.get("name") or snake_case(self.operation.id))

    @property
    def stream_name(self) -> str | None:
        """Return the name of the twin that streams, if there is one."""
        return str(self.settings.get("stream") or f"stream_{self.name}") if self.streams else None

    @property
    def command(self) -> str:
        """Return what the command line calls it."""
        return str(self.settings.get("command") or self.name.replace("_", "-"))

    @property
    def arguments(self) -> list[Parameter]:
        """Return the parameters that may be given by position."""
        named: list[str] | None = self.settings.get("arguments")
        if named is not None:
            return sorted((each for each in self.parameters if each.name in named), key=lambda each: named.index(each.name))
        return sorted((each for each in self.parameters if each.required), key=lambda each: not each.is_file)

    @property
    def keywords(self) -> list[Parameter]:
        """Return the parameters that are given by name only."""
        return [each for each in self.parameters if each not in self.arguments]

    @property
    def options(self) -> list[Parameter]:
        """Return the keywords that aren't files."""
        return [each for each in self.keywords if not each.is_file]

    @property
    def has_files(self) -> bool:
        """Return whether any parameter is a file."""
        return any(each.is_file for each in self.parameters)


def methods(document: Schema) -> Iterator[Method]:
    """Yield every operation that answers images, as a method, in the document's order."""
    for operation in operations(document):
        if not answers_images(document, operation) or operation.definition.get("x-method") is False:
            continue
        bodies = request_bodies(document, operation)
        yield Method(operation, bodies, tuple(_parameters(document, bodies)), streams=EVENTS in _answers(document, operation))


def answers_images(document: Schema, operation: Operation) -> bool:
    """Return whether the answer of an operation, in JSON, is that of the images."""
    return bool(_answers(document, operation).get(JSON, {}).get("schema", {}).get("$ref") == _IMAGES)


def request_bodies(document: Schema, operation: Operation) -> tuple[Body, ...]:
    """Return the kinds of body of an operation, the first the one that leads."""
    schemas = {media_type: body["schema"] for media_type, body in operation.bodies.items()}
    return tuple(Body(media_type, schema["$ref"], resolved(document, schema)) for media_type, schema in schemas.items())


def _answers(document: Schema, operation: Operation) -> dict[str, Schema]:
    response = operation.definition.get("responses", {}).get("200", {})
    return dict(resolved(document, response).get("content", {}))


def _parameters(document: Schema, bodies: tuple[Body, ...]) -> Iterator[Parameter]:
    """Yield the parameters of all bodies: the first body's order leads, what only another has comes last."""
    named = {file for body in bodies for file in body.references.values()}
    for name in dict.fromkeys(name for body in bodies for name in body.properties if name not in body.references):
        if name == role(document, "stream"):
            continue  # which the method says: `generate` and `stream_generate`
        schemas = tuple((body, body.properties[name]) for body in bodies if name in _own(body))
        is_file = any("x-image" in resolved(document, schema) for _, schema in schemas)
        yield Parameter(
            name,
            schemas,
            required=all(name in _required(body) for body in bodies),
            is_file=is_file,
            takes_several=is_file and any(_is_list(document, schema) for _, schema in schemas),
            by_reference=name in named,
        )


def _is_list(document: Schema, schema: Schema) -> bool:
    return any(isinstance(part, dict) and part.get("type") == "array" for part in alternatives(document, schema))


def _own(body: Body) -> list[str]:
    return [name for name in body.properties if name not in body.references]


def _required(body: Body) -> list[str]:
    return [body.references.get(name, name) for name in body.required]
