"""Schemas as Python types: names for choices, TypedDicts for objects, and the annotations that use them."""

import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from keyword import iskeyword

from tools.generator.descriptions import described
from tools.generator.document import Schema, Subschema, resolved
from tools.generator.methods import Parameter

_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_ANYTHING = "object"


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

    @property
    def paragraphs(self) -> list[str]:
        """Return what is said of it and of each key, for a docstring of its own."""
        return [self.description, *(f"{each.name}: {each.description}" for each in self.fields)]

    def is_class(self, names: Iterable[str]) -> bool:
        """Return whether it can be written as a class: its keys are names, none of which hides that of a type.

        Args:
            names: The types that the module defines.
        """
        types = {*dir(builtins), "Literal", *names}
        return all(each.name.isidentifier() and not iskeyword(each.name) and each.name not in types for each in self.fields)


class PythonTypes:
    """The types of a contract, named as they are asked for.

    Args:
        document: The contract.
    """

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._open: list[str] = []
        self.choices: dict[str, Choices] = {}
        self.typed_dicts: dict[str, TypedDictionary] = {}
        self.references: dict[str, str] = {}
        """The schema of each named type, as a `$ref`."""

    def names(self, schema: Subschema) -> list[str]:
        """Return the types that a schema stands for, `None` last."""
        return self.united(self._types(schema))

    def annotation(self, parameters: Iterable[Parameter], *, required: bool = False) -> str:
        """Return what stands behind the colon for a parameter that is no file, or for parameters of the same name."""
        names = [name for parameter in parameters for _, schema in parameter.schemas for name in self.names(schema)]
        said = [name for name in names if name != "None"]
        return " | ".join(self.united(said if required else [*said, "None"]))

    def united(self, names: Iterable[str]) -> list[str]:
        """Return types each once, `None` last, without choices that another has all of."""
        distinct = list(dict.fromkeys(names))
        if _ANYTHING in distinct:
            return [_ANYTHING]
        values = {name: set(self.choices[name].values) for name in distinct if name in self.choices}
        # Of two that are alike, the first stays.
        largest = sorted(values, key=lambda name: -len(values[name]))
        parts = {name for index, name in enumerate(largest) if any(values[name] <= values[other] for other in largest[:index])}
        return sorted((name for name in distinct if name not in parts), key=lambda name: name == "None")

    def _types(self, schema: Subschema) -> Iterator[str]:
        if isinstance(schema, bool) or schema.get("$ref") in self._open:
            yield _ANYTHING
            return
        self._open.append(schema.get("$ref", ""))
        target = resolved(self._document, schema)
        name = schema.get("$ref", "").rpartition("/")[2]
        if "enum" in target or "const" in target:
            yield from self._choices(name, schema, target)
        elif target.get("properties") and name:
            yield self._typed_dict(f"{name}Options", schema["$ref"], target)
        elif parts := [*target.get("anyOf", ()), *target.get("oneOf", ())]:
            for part in parts:
                yield from self._types(part)
        elif "type" in target:
            kinds = target["type"]
            for kind in [kinds] if isinstance(kinds, str) else kinds:
                yield self._type(kind, target)
        else:
            # All of them hold; the first that tells a type is enough.
            told = [each for part in target.get("allOf", ()) for each in [self.names(part)] if each != [_ANYTHING]]
            yield from [*told, [_ANYTHING]][0]
        self._open.pop()

    def _choices(self, name: str, schema: Schema, target: Schema) -> Iterator[str]:
        listed = target.get("enum", [target.get("const")])
        values = [value for value in listed if value is not None]
        if name and "enum" in target:
            self.references[name] = schema["$ref"]
            self.choices[name] = Choices(name, target["description"], values)
            yield name
        elif values:
            yield f"Literal[{', '.join(map(repr, values))}]"
        if None in listed:
            yield "None"

    def _typed_dict(self, name: str, reference: str, schema: Schema) -> str:
        if name not in self.typed_dicts:
            self.references[name] = reference
            self.typed_dicts[name] = options = TypedDictionary(name, schema["description"])
            # It may hold others of its kind.
            before, self._open = self._open, []
            for key, part in schema["properties"].items():
                types = " | ".join(self.united([*self.names(part), "None"]))
                options.fields.append(Field(key, types, described(self._document, part)))
            self._open = before
        return name

    def _type(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return f"list[{' | '.join(self.names(schema.get('items', True)))}]"
        if kind == "object":
            return f"dict[str, {' | '.join(self.names(schema.get('additionalProperties', True)))}]"
        return _SCALARS[kind]
