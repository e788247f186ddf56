"""Write the operations' options as TypedDicts, from the optional, non-file properties of their requests."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from openapi_python_client.strings import snake_case

Schema = dict[str, Any]

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_BOUNDS = {
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
}
# The facade's methods say whether a reply streams: `generate` and `stream_generate`.
_SAID_BY_THE_METHOD = {"stream"}


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
    for path in document["paths"].values():
        for operation in path.values():
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


class _Writer:
    def __init__(self, document: Schema) -> None:
        self.document = document
        self.enums: set[str] = set()
        self.typed_dicts: list[TypedDictionary] = []

    def add_operation(self, operation: Schema) -> None:
        bodies = [self.resolve(media["schema"]) for media in operation["requestBody"]["content"].values()]
        taken = {name for body in bodies for name in body["required"]}
        taken |= {name for body in bodies for name, schema in body["properties"].items() if self.is_file(schema)}
        options = {
            name: schema
            for body in reversed(bodies)
            for name, schema in body["properties"].items()
            if name not in taken | _SAID_BY_THE_METHOD
        }
        # The first body's order leads; what only another body has comes last.
        first = list(bodies[0]["properties"])
        names = sorted(options, key=lambda name: first.index(name) if name in first else len(first))
        name = operation["operationId"][0].upper() + operation["operationId"][1:] + "Options"
        self.add(name, operation["summary"], {name: options[name] for name in names})

    def add(self, name: str, description: str, properties: dict[str, Schema]) -> None:
        if any(options.name == name for options in self.typed_dicts):
            return
        options = TypedDictionary(name, description)
        self.typed_dicts.append(options)
        for key, schema in properties.items():
            options.fields.append(Field(key, " | ".join(self.types(schema)), self.describe(schema)))

    def types(self, schema: Schema) -> list[str]:
        return sorted(dict.fromkeys(self._types(schema)), key=lambda name: name == "None")

    def _types(self, schema: Schema) -> Iterator[str]:
        target = self.resolve(schema)
        name = schema.get("$ref", "").rpartition("/")[2]
        if "enum" in target and name:
            self.enums.add(name)
            yield name
        elif target.get("type") == "object":
            self.add(f"{name}Options", target["description"], target["properties"])
            yield f"{name}Options"
        elif "anyOf" in target:
            for choice in target["anyOf"]:
                yield from self._types(choice)
        else:
            kinds = target["type"]
            for kind in [kinds] if isinstance(kinds, str) else kinds:
                yield _SCALARS[kind]

    def describe(self, schema: Schema) -> str:
        target = self.resolve(schema)
        bounds = [text.format(target[keyword]) for keyword, text in _BOUNDS.items() if keyword in target]
        return " ".join([target["description"], *bounds])

    def is_file(self, schema: Schema) -> bool:
        return "x-image" in self.resolve(schema)

    def resolve(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        target: Any = self.document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return self.resolve(target)


def _docstring(text: str) -> str:
    return fill(f'"""{text}"""', width=110, subsequent_indent="    ")
