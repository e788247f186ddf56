"""The pages of the models: what goes over the wire, one page a named schema."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import images_api_client.models as generated
from images_api._contract.operations import Operation
from images_api._contract.operations import operation as known_operation
from images_api.cli._operations import parameters
from images_api.options import __all__ as option_names
from tools.generator.document import Schema, operations, place_of, resolved
from tools.generator.methods import Method, methods
from tools.reference.facade_types import class_page, event_models, facade_types
from tools.reference.markdown import Markdown, code, link, markdown
from tools.reference.operations import Told
from tools.reference.parameters import notes_of
from tools.reference.rendering import render
from tools.reference.schemas import INDEX, Schemas

_OPERATIONS = "../operations.md"


class _Field(NamedTuple):
    """A property of a schema."""

    name: Markdown
    type: Markdown
    is_required: bool
    description: str
    notes: list[Markdown]


class _Model(NamedTuple):
    """A schema on its page."""

    name: str
    description: str
    python: list[Markdown]
    choices: list[Markdown]
    alternatives: list[Markdown]
    events: list[Markdown]
    fields: list[_Field]
    uses: list[Markdown]


def models_pages(document: Schema, told: list[Told]) -> Iterator[tuple[str, str]]:
    """Yield the pages, each with its path below that of the reference.

    Args:
        document: The contract.
        told: The operations, as their page tells them.
    """
    pages = _Pages(document, told)
    for name in pages.schemas.pages:
        yield f"models/{pages.schemas.file(name)}", render("model.md.jinja", model=pages.model(name))
    models = [(pages.schemas.link(name), pages.schemas.named[name].get("description", "")) for name in pages.schemas.pages]
    shared = [pages.field(name, pages.schemas.named[name], []) for name in pages.schemas.shared]
    uses = {name: pages.uses(name) for name in pages.schemas.shared}
    files = [Markdown(pages.schemas.file(name).removesuffix(".md")) for name in pages.schemas.pages]
    text = render("models.md.jinja", models=models, shared=list(zip(shared, uses.values(), strict=True)), files=files)
    yield f"models/{INDEX}", text


class _Pages:
    """What the pages say.

    Args:
        document: The contract.
        told: The operations, as their page tells them.
    """

    def __init__(self, document: Schema, told: list[Told]) -> None:
        self.schemas = Schemas(document)
        self._told = {each.id: each for each in told}
        self._facade = facade_types(self.schemas)
        self._methods = {method.operation.id: method for method in methods(document)}
        self._requests = dict(self._find_requests())

    def model(self, name: str) -> _Model:
        """Return what the page of a schema says."""
        schema = self.schemas.named[name]
        required = schema.get("required", [])
        notes = self._notes(name)
        return _Model(
            name=name,
            description=schema.get("description", ""),
            python=list(self._python(name)),
            choices=[code(value) for value in schema.get("enum", ())],
            alternatives=[self.schemas.type(part) for keyword in ("oneOf", "anyOf") for part in schema.get(keyword, ())],
            events=[
                Markdown(f"{code(kind)}: {self.schemas.link(each)}") for kind, each in event_models(self.schemas, schema).items()
            ],
            fields=[
                self.field(key, part, notes.get(key), is_required=key in required)
                for key, part in schema.get("properties", {}).items()
            ],
            uses=self.uses(name),
        )

    def field(self, name: str, schema: Schema, notes: list[Markdown] | None, *, is_required: bool = False) -> _Field:
        """Return what is said of a property; with the notes that hold for all, where there are none of its own."""
        whole = resolved(self.schemas.document, schema)
        said = self.schemas.notes(schema) if notes is None else notes
        return _Field(code(name), self.schemas.type(schema), is_required, whole.get("description", ""), said)

    def uses(self, name: str) -> list[Markdown]:
        """Return where a schema is used."""
        return [self._use(*use) for use in self.schemas.uses[name]]

    def _use(self, schema: str, name: str, role: str) -> Markdown:
        if not schema:
            told = self._told.get(name)
            return Markdown(f"{link(code(told.name), f'{_OPERATIONS}#{told.anchor}') if told else code(name)}, {markdown(role)}")
        return Markdown(f"{self.schemas.link(schema)}{f', {code(name)}' if name else ', one of its kinds'}")

    def _python(self, name: str) -> Iterator[Markdown]:
        """Yield what a schema is in Python: in the generated client, in the options, and to an app."""
        if class_name := self._class(name):
            yield Markdown(f"in the generated client: {code(f'images_api_client.models.{class_name}')}")
        own = [each for each in (name, f"{name}Options") if each in option_names]
        yield from (Markdown(f"as an option's type: {code(f'images_api.options.{each}')}") for each in own)
        if kind := self._facade.get(name):
            yield Markdown(f"what an app sees: {link(code(f'images_api.{kind}'), f'../{class_page(kind)}')}")
        for method, _ in self._requests.get(name, ()):
            told = self._told[method.operation.id]
            yield Markdown(f"what an app calls: {link(code(f'client.{told.name}(...)'), f'{_OPERATIONS}#{told.anchor}')}")

    def _class(self, name: str) -> str:
        """Return the generated class of a schema; its name may differ in letter case and signs."""
        plain = "".join(filter(str.isalnum, name)).lower()
        return next((each for each in generated.__all__ if each.replace("_", "").lower() == plain), "")

    def _notes(self, name: str) -> Mapping[str, list[Markdown]]:
        """Return what models take for the properties of a request that are parameters, by their names."""
        return {
            key: notes_of(operation, key)
            for method, operation in self._requests.get(name, ())
            for key in parameters(operation)
            if any(key == each.name for each in method.parameters)
        }

    def _find_requests(self) -> Iterator[tuple[str, list[tuple[Method, Operation]]]]:
        """Yield each schema of a request with the methods that send it, as operations that have this request alone."""
        found: dict[str, list[tuple[Method, Operation]]] = {}
        for each in operations(self.schemas.document):
            if each.id not in self._methods:
                continue
            whole = known_operation(each.id)
            for media_type, body in each.bodies.items():
                alone = {**each.definition, "requestBody": {"content": {media_type: body}}}
                name = str(place_of(body["schema"]["$ref"])[-1])
                found.setdefault(name, []).append((self._methods[each.id], Operation(whole.path, whole.method, alone)))
        yield from found.items()
