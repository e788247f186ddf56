"""The named schemas of the contract: which have a page, what type a value has, and where each is used."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from images_api.cli._facts import narrowed
from images_api.cli._families import described
from tools.generator.document import Operation, Schema, Subschema, operations, place_of, resolved, walk
from tools.generator.methods import JSON
from tools.generator.python_types import PythonTypes
from tools.reference.markdown import Markdown, code, joined, link, markdown

INDEX = "index.md"
_PREFIX = "#/components/schemas/"
_KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "object"}


class Use(NamedTuple):
    """A place at which a schema is used.

    Attributes:
        schema: The schema that has it; empty for an operation.
        name: The property's name, or the operation's id.
        role: What it is there: a property, or a part of an operation.
    """

    schema: str
    name: str
    role: str


class Schemas:
    """The named schemas of a contract.

    Args:
        document: The contract.
        folder: The way from the page that links to them to the folder of their pages; empty on those pages themselves.
    """

    def __init__(self, document: Schema, folder: str = "") -> None:
        self.document = document
        self.named: dict[str, Schema] = document["components"]["schemas"]
        self._folder = folder
        self._types = PythonTypes(document)

    @cached_property
    def pages(self) -> list[str]:
        """Return the names of those that have a page: objects, choices, and what is one of several objects."""
        return [name for name, schema in self.named.items() if self._has_page(schema)]

    @property
    def shared(self) -> list[str]:
        """Return the names of the others: fields that several objects share."""
        return [name for name in self.named if name not in self.pages]

    def link(self, name: str) -> Markdown:
        """Return a link to what is said of a schema."""
        return link(code(name), f"{self._folder}{self.file(name) if name in self.pages else INDEX + '#shared-fields'}")

    def file(self, name: str) -> str:
        """Return the name of a schema's page; it is never that of the index, in whatever letter case."""
        return f"{name}_.md" if f"{name}.md".lower() == INDEX else f"{name}.md"

    def reference(self, schema: Schema) -> Markdown:
        """Return a link to the schema that another refers to, or its type where it refers to none."""
        name = _name(schema)
        return self.link(name) if name else self.type(schema)

    def type(self, schema: Subschema) -> Markdown:
        """Return the type of a value on the wire."""
        return joined(dict.fromkeys(self._kinds(schema)), "or")

    def python_type(self, schemas: Iterable[Subschema]) -> Markdown:
        """Return the type in Python of an argument that has one of several schemas, None aside, with links to its choices."""
        names = self._types.united(name for schema in schemas for name in self._types.names(schema))
        return joined([self._python_link(name) for name in names if name != "None" or len(names) == 1], "or")

    def notes(self, schema: Schema) -> list[Markdown]:
        """Return the bounds and choices that a schema has for everybody, and its default."""
        facts = narrowed([schema])
        words = list(described(facts._replace(choices=(), form=None, fields={})).values())
        notes = [markdown(text) for text in words]
        if facts.choices and not any(name in self.pages for name in self.references(schema)):
            notes.append(Markdown(f"{'such as' if facts.is_open else 'one of'} {joined(map(code, facts.choices), 'or')}"))
        if facts.default is not None:
            notes.append(Markdown(f"default: {code(facts.default)}"))
        return notes

    @cached_property
    def uses(self) -> dict[str, list[Use]]:
        """Return where each schema is used, by its name."""
        found: dict[str, list[Use]] = {name: [] for name in self.named}
        for owner, schema in self.named.items():
            for key, part in schema.get("properties", {}).items():
                for name in self.references(part):
                    found[name].append(Use(owner, key, "property"))
            for keyword in ("oneOf", "anyOf"):
                for part in schema.get(keyword, ()):
                    if name := _name(part):
                        found[name].append(Use(owner, "", "alternative"))
        for operation in operations(self.document):
            for name, role in self._parts(operation):
                found[name].append(Use("", operation.id, role))
        return found

    def _parts(self, operation: Operation) -> Iterator[tuple[str, str]]:
        for media_type, body in operation.bodies.items():
            yield from ((name, f"request, {media_type}") for name in self.references(body["schema"]))
        for status, response in operation.definition.get("responses", {}).items():
            for media_type, content in resolved(self.document, response).get("content", {}).items():
                named = self.references(content.get("schema", True))
                yield from ((name, f"response {status}, {media_type}") for name in named)

    def _has_page(self, schema: Schema) -> bool:
        is_union = any(_name(part) for keyword in ("oneOf", "anyOf") for part in schema.get(keyword, ()))
        return "enum" in schema or bool(schema.get("properties")) or ("discriminator" in schema and is_union)

    def _kinds(self, schema: Subschema) -> Iterator[Markdown]:
        if isinstance(schema, bool):
            yield Markdown("anything")
        elif (name := _name(schema)) and name in self.pages:
            yield self.link(name)
        elif name:
            yield from self._kinds(self.named[name])
        elif parts := [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
            for part in parts:
                yield from self._kinds(part)
        elif "type" in schema:
            kinds = schema["type"]
            for kind in [kinds] if isinstance(kinds, str) else kinds:
                yield self._kind(kind, schema)
        else:
            yield Markdown("one of the choices" if "enum" in schema else "anything")

    def _kind(self, kind: str, schema: Schema) -> Markdown:
        if schema.get("format") == "binary":
            return Markdown("file")
        if kind == "array":
            return Markdown(f"list of {self.type(schema.get('items', True))}")
        return Markdown(_KINDS.get(kind, kind))

    def references(self, schema: Subschema) -> list[str]:
        """Return the names of the schemas that one refers to, in this order, conditions aside."""
        if isinstance(schema, bool):
            return []
        places = [place_of(value) for place, value in walk(schema) if place[-1:] == ("$ref",)]
        return list(dict.fromkeys(str(place[-1]) for place in places if place[:-1] == ("components", "schemas")))

    def _python_link(self, name: str) -> Markdown:
        reference = self._types.references.get(name)
        return link(code(name), f"{self._folder}{self.file(str(place_of(reference)[-1]))}") if reference else code(name)


def success(document: Schema, operation: Operation) -> Schema:
    """Return the schema of what an operation answers in JSON."""
    response = operation.definition["responses"].get("200", {})
    schema: Schema = resolved(document, response).get("content", {}).get(JSON, {}).get("schema", {})
    return schema


def _name(schema: Subschema) -> str:
    reference = "" if isinstance(schema, bool) else str(schema.get("$ref", ""))
    return reference.removeprefix(_PREFIX) if reference.startswith(_PREFIX) and "/" not in reference[len(_PREFIX) :] else ""
