"""Schemas as Python types: names for choices, TypedDicts for objects, and the annotations that use them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tools.generator.descriptions import described
from tools.generator.document import Schema, resolved

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


@dataclass
class Choices:
    """Named choices."""

    name: str
    description: str
    values: list[object]


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


class PythonTypes:
    """The types of a contract, named as they are asked for.

    Args:
        document: The contract.
    """

    def __init__(self, document: Schema) -> None:
        self._document = document
        self.choices: dict[str, Choices] = {}
        self.typed_dicts: dict[str, TypedDictionary] = {}

    def names(self, schema: Schema) -> list[str]:
        """Return the types that a schema stands for, `None` last."""
        return self.united(self._types(schema))

    def united(self, names: Iterable[str]) -> list[str]:
        """Return types each once, `None` last, without choices that another has all of."""
        distinct = list(dict.fromkeys(names))
        # Of two that are alike, the first stays.
        values = {name: set(self.choices[name].values) for name in distinct if name in self.choices}
        largest = sorted(values, key=lambda name: -len(values[name]))
        parts = {name for place, name in enumerate(largest) if any(values[name] <= values[other] for other in largest[:place])}
        return sorted((name for name in distinct if name not in parts), key=lambda name: name == "None")

    def _types(self, schema: Schema) -> Iterator[str]:
        target = resolved(self._document, schema)
        name = schema.get("$ref", "").rpartition("/")[2]
        if "enum" in target:
            values = [value for value in target["enum"] if value is not None]
            if name:
                self.choices[name] = Choices(name, target["description"], values)
                yield name
            else:
                yield f"Literal[{', '.join(map(repr, values))}]"
            if None in target["enum"]:
                yield "None"
        elif "properties" in target and name:
            self._add(f"{name}Options", target)
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

    def _add(self, name: str, schema: Schema) -> None:
        if name not in self.typed_dicts:
            self.typed_dicts[name] = options = TypedDictionary(name, schema["description"])
            for key, part in schema["properties"].items():
                types = " | ".join(self.united([*self.names(part), "None"]))
                options.fields.append(Field(key, types, described(self._document, part)))

    def _type(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return f"list[{' | '.join(self.names(schema.get('items', {})))}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {' | '.join(self.names(values)) if isinstance(values, dict) else 'object'}]"
        return _SCALARS[kind]
