"""The page of the operations: how each is called, what it takes, and what it answers."""

import inspect
from collections.abc import Iterator
from typing import NamedTuple

from images_api import ImagesClient
from images_api._contract.operations import Operation
from images_api._contract.operations import operation as known_operation
from images_api._contract.rules import branches
from images_api.cli._facts import model_role
from images_api.cli._operations import arguments, commands
from images_api_client.operations import REQUESTS
from tools.generator.call_words import CALL_WORDS
from tools.generator.document import Schema, resolved
from tools.generator.methods import EVENTS, Method, methods
from tools.reference.examples import Example, example
from tools.reference.facade_types import class_page, event_models, facade_types
from tools.reference.generics import generic_types
from tools.reference.markdown import Markdown, anchors, code, joined, link, markdown
from tools.reference.parameters import Described, described_parameter
from tools.reference.rendering import render
from tools.reference.schemas import Schemas

MODELS_FOLDER = "models/"
# What stands before the operations.
_HEADINGS = ("Operations", "What every call takes", "What every call answers")


class Told(NamedTuple):
    """An operation on a page.

    Attributes:
        id: Its id in the contract.
        name: The method's name, which is the section's heading.
        anchor: The section's anchor.
        request: Its HTTP method and path.
        summary: What it does.
        paragraphs: What else the contract says of it.
        options: The TypedDict of its options.
        signature: The method, in Python.
        stream: The method that streams, likewise; empty where there is none.
        stream_name: That method's name.
        command: How it is called at a prompt.
        required: The parameters that must be given.
        optional: The others.
        reasons: The contract's reasons for rules, each with the parameters that they are about.
        example: A call that runs.
        requests: The media types of the request, each with its schema and what makes it in the generated client.
        bodies: Which of these is sent; empty where there is one.
        responses: The statuses of the response, each with what it means, its media types and their schemas.
        events: The types of the events of a stream, each with its schema and the facade's class.
        authorization: How the caller says who they are.
    """

    id: str
    name: str
    anchor: str
    request: Markdown
    summary: str
    paragraphs: list[str]
    options: str
    signature: str
    stream: str
    stream_name: str
    command: Markdown
    required: list[Described]
    optional: list[Described]
    reasons: list[Markdown]
    example: Example
    requests: list[Markdown]
    bodies: str
    responses: list[Markdown]
    events: list[Markdown]
    authorization: Markdown


def operations_told(document: Schema) -> list[Told]:
    """Return the operations that have a method, in the contract's order."""
    schemas, anchor = Schemas(document, MODELS_FOLDER), anchors()
    for heading in _HEADINGS:
        anchor(heading)
    return [_told(method, schemas, anchor(method.name)) for method in methods(document)]


def operations_page(told: list[Told]) -> str:
    """Return the page."""
    return render("operations.md.jinja", operations=told, call_words=CALL_WORDS)


def authorization(document: Schema, definition: Schema) -> Markdown:
    """Return how the caller of an operation says who they are: by one of these schemes."""
    schemes: Schema = document.get("components", {}).get("securitySchemes", {})
    asked: list[Schema] = (definition if "security" in definition else document).get("security", [])
    ways = [joined([_scheme(name, resolved(document, schemes[name])) for name in each], "and") for each in asked if each]
    return joined(ways, "or") if ways else Markdown("none")


def _scheme(name: str, scheme: Schema) -> Markdown:
    if scheme["type"] == "http":
        return Markdown(f"{code(name)} (HTTP {code(scheme['scheme'])})")
    if scheme["type"] == "apiKey":
        return Markdown(f"{code(name)} (key in the {scheme['in']} parameter {code(scheme['name'])})")
    return Markdown(f"{code(name)} ({code(scheme['type'])})")


def _told(method: Method, schemas: Schemas, anchor: str) -> Told:
    operation, definition = known_operation(method.operation.id), method.operation.definition
    given = [(each.required, described_parameter(operation, each, schemas)) for each in [*method.arguments, *method.keywords]]
    command = next(name for name, each in commands().items() if each.id == operation.id)
    return Told(
        id=operation.id,
        name=method.name,
        anchor=anchor,
        request=Markdown(f"**{operation.method}** {code(operation.path)}"),
        summary=definition["summary"],
        paragraphs=[part for part in definition.get("description", "").split("\n\n") if part.strip()],
        options=f"images_api.options.{method.options_name}",
        signature=_signature(method.name),
        stream=_signature(method.stream_name) if method.stream_name else "",
        stream_name=method.stream_name or "",
        command=code(" ".join(["images-api", command, *(name.upper() for name in arguments(operation))])),
        required=[told for is_required, told in given if is_required],
        optional=[told for is_required, told in given if not is_required],
        reasons=list(dict.fromkeys(_reasons(operation))),
        example=example(method, operation),
        requests=[_request(operation, media_type, schemas) for media_type in operation.bodies],
        bodies=_bodies(operation),
        responses=list(_responses(definition, schemas)),
        events=list(_events(definition, schemas)),
        authorization=authorization(schemas.document, definition),
    )


def _signature(name: str) -> str:
    """Return a method of a client as the code that defines it, one argument a line."""
    signature = inspect.signature(getattr(ImagesClient, name))
    lines: list[str] = []
    for each in list(signature.parameters.values())[1:]:
        if each.kind is each.KEYWORD_ONLY and "*," not in lines:
            lines.append("*,")
        default = "" if each.default is each.empty else f" = {each.default!r}"
        lines.append(f"{each.name}: {each.annotation}{default},")
    returned = generic_types()[signature.return_annotation]
    return "\n".join([f"def {name}(", *(f"    {line}" for line in lines), f") -> {returned}: ..."])


def _bodies(operation: Operation) -> str:
    """Say which of several requests is sent."""
    if operation.form == operation.by_reference:
        return ""
    return (
        f"Images that are links, `data:` URLs or ids of files go by reference, as `{operation.by_reference}`; all images of a "
        f"call must then be given so. Images of any other kind go as files, as `{operation.form}`."
    )


def _reasons(operation: Operation) -> Iterator[Markdown]:
    """Yield the contract's reasons for rules, but for those why a model doesn't take a parameter at all."""
    for body in operation.bodies.values():
        for branch in branches(body.pointer):
            of_model = {*branch.tested} <= {model_role()}
            about = {*branch.rules, *(() if of_model else branch.lacking)}
            names = [code(name) for name in body.properties if name in about]
            if branch.reason and names:
                yield Markdown(f"{joined(names, 'and')}: {markdown(branch.reason)}")


def _request(operation: Operation, media_type: str, schemas: Schemas) -> Markdown:
    schema = operation.definition["requestBody"]["content"][media_type]["schema"]
    builder = REQUESTS[operation.id][media_type]
    return Markdown(
        f"{code(media_type)}: {schemas.reference(schema)}, sent at a low level by {code(f'images_api_client{builder.module}')}"
    )


def _responses(definition: Schema, schemas: Schemas) -> Iterator[Markdown]:
    for status, response in definition["responses"].items():
        whole = resolved(schemas.document, response)
        kinds = [
            Markdown(f"{code(media_type)}{_of(content, schemas)}") for media_type, content in whole.get("content", {}).items()
        ]
        meaning = "every other status" if status == "default" else code(status)
        yield Markdown(f"{meaning}: {markdown(whole['description'])} {joined(kinds, 'or') if kinds else 'No body'}.")


def _of(content: Schema, schemas: Schemas) -> str:
    return f" ({schemas.reference(content['schema'])})" if "schema" in content else ""


def _events(definition: Schema, schemas: Schemas) -> Iterator[Markdown]:
    classes = facade_types(schemas)
    for response in definition["responses"].values():
        schema = resolved(schemas.document, response).get("content", {}).get(EVENTS, {}).get("schema")
        for kind, name in (event_models(schemas, schema) if schema else {}).items():
            facade = f" ({schemas.link(name)} on the wire)" if name in classes else ""
            shown = link(code(classes[name]), class_page(classes[name])) if name in classes else schemas.link(name)
            yield Markdown(f"{code(kind)}: {shown}{facade}")
