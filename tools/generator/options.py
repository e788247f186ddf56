"""Write the operations' options as TypedDicts, from the optional, non-file properties of their requests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from openapi_python_client.strings import snake_case

from tools.generator.document import Operation, Schema, operations, resolved

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_BOUNDS = {
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
}
# The facade's methods say whether a reply streams: `generate` and `stream_generate`.
SAID_BY_THE_METHOD = frozenset({"stream"})


@dataclass
class Field:
    """One key of a TypedDict."""

    name: str
    type: str
    description: str


@dataclass
class TypedDictionary:
    """One TypedDict."""

    name: str
    description: str
    fields: list[Field] = field(default_factory=list)


def write_options(document: Schema, target: Path) -> None:
    """Write `options.py`.

    Args:
        document: The contract.
        target: The file to write.
    """
    writer = _Writer(document)
    for operation in operations(document):
        writer.add_operation(operation)
    environment = Environment(  # noqa: S701  the template writes Python, not HTML
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"snakecase": snake_case, "docstring": _docstring}
    template = environment.get_template("options.py.jinja")
    typed_dicts = sorted(writer.typed_dicts, key=lambda options: options.name)
    target.write_text(template.render(enums=sorted(writer.enums), typed_dicts=typed_dicts), encoding="utf-8")


def request_schemas(document: Schema, operation: Operation) -> list[Schema]:
    """Return the schemas of an operation's bodies, the first the one that leads."""
    return [resolved(document, body["schema"]) for body in operation.bodies.values()]


def arguments(document: Schema, operation: Operation) -> set[str]:
    """Return the names of what is no option of an operation: what a body requires, or takes as a picture."""
    bodies = request_schemas(document, operation)
    required = {name for body in bodies for name in body.get("required", ())}
    return required | {
        name for body in bodies for name, schema in body.get("properties", {}).items() if "x-image" in resolved(document, schema)
    }


class _Writer:
    def __init__(self, document: Schema) -> None:
        self.document = document
        self.enums: set[str] = set()
        self.typed_dicts: list[TypedDictionary] = []

    def add_operation(self, operation: Operation) -> None:
        bodies = request_schemas(self.document, operation)
        if not bodies:
            return
        taken = arguments(self.document, operation) | SAID_BY_THE_METHOD
        options = {
            name: schema for body in reversed(bodies) for name, schema in body.get("properties", {}).items() if name not in taken
        }
        # The first body's order leads; what only another body has comes last.
        first = list(bodies[0].get("properties", {}))
        names = sorted(options, key=lambda name: first.index(name) if name in first else len(first))
        name = operation.id[0].upper() + operation.id[1:] + "Options"
        self.add(name, operation.definition["summary"], {name: options[name] for name in names})

    def add(self, name: str, description: str, properties: dict[str, Schema]) -> None:
        if any(options.name == name for options in self.typed_dicts):
            return
        options = TypedDictionary(name, description)
        self.typed_dicts.append(options)
        for key, schema in properties.items():
            options.fields.append(Field(key, self.type(schema), self.describe(schema)))

    def type(self, schema: Schema) -> str:
        return " | ".join(sorted(dict.fromkeys(self._types(schema)), key=lambda name: name == "None"))

    def _types(self, schema: Schema) -> Iterator[str]:
        target = resolved(self.document, schema)
        name = schema.get("$ref", "").rpartition("/")[2]
        if "enum" in target and name:
            self.enums.add(name)
            yield name
        elif "enum" in target:
            yield f"Literal[{', '.join(map(repr, target['enum']))}]"
        elif "properties" in target and name:
            self.add(f"{name}Options", target["description"], target["properties"])
            yield f"{name}Options"
        elif "anyOf" in target:
            for choice in target["anyOf"]:
                yield from self._types(choice)
        elif "type" in target:
            kinds = target["type"]
            for kind in [kinds] if isinstance(kinds, str) else kinds:
                yield self._type(kind, target)
        else:
            yield "object"

    def _type(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return f"list[{self.type(schema.get('items', {}))}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {self.type(values) if isinstance(values, dict) else 'object'}]"
        return _SCALARS[kind]

    def describe(self, schema: Schema) -> str:
        target = resolved(self.document, schema)
        bounds = [text.format(target[keyword]) for keyword, text in _BOUNDS.items() if keyword in target]
        return " ".join([target["description"], *bounds])


def _docstring(text: str) -> str:
    return fill(f'"""{text}"""', width=110, subsequent_indent="    ")
