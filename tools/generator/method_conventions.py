"""What an operation needs to become methods: what can't be called or sent is named with its place and the remedy."""

import builtins
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any

from tools.generator.descriptions import listed
from tools.generator.document import Operation, Place, Schema, operations, place_of, walk
from tools.generator.methods import FORM, JSON, Method, answers_images, methods, request_bodies
from tools.generator.parameter_conventions import misshapen_body, unusable_parameters
from tools.generator.python_types import PythonTypes

# What `x-method` may say, and of what type.
SETTINGS = {"name": str, "stream": str, "arguments": list, "subject": str, "command": str}
# What a parameter may mean to every client: `x-roles`.
ROLES = ("model", "count", "size", "quality", "format", "partials", "stream")
# The clients have them beside their operations.
_TAKEN_METHODS = {"close", "low_level"}
# The command line has them beside its operations.
_TAKEN_COMMANDS = {"bulk", "completion", "models", "sandbox"}
# What the generated modules use beside the names of the contract, in annotations above all.
_TAKEN_TYPES = {
    *dir(builtins),
    *("Any", "Generic", "Literal", "Mapping", "MappingProxyType", "NamedTuple", "Sequence", "TypeAlias", "TypeVar", "TypedDict"),
    *("ImageInput", "ImageOperations", "ImageOptions", "REQUESTS", "RequestBuilder", "Result", "Stream", "annotations", "httpx"),
}
_LOW_LEVEL = "or let `x-method: false` leave the operation to client.low_level"


def unusable_methods(document: Schema) -> Iterator[tuple[Place, str]]:
    """Yield what keeps an operation from being called or sent, with its place.

    Args:
        document: A contract that keeps all other conventions.
    """
    found = [fault for operation in operations(document) for fault in _in_settings(document, operation)]
    found += _misshapen_roles(document)
    yield from found
    if found:
        return
    made = list(methods(document))
    found = [fault for method in made for fault in _in_bodies(document, method)]
    yield from found
    if found:
        return
    for method in made:
        for body in method.bodies:
            yield from unusable_parameters(document, method, body)
        yield from _in_names(method)
        yield from _in_arguments(method)
    yield from _in_roles(document, made)
    yield from _twice(made)
    yield from _type_names(document, made)
    yield from _stray_references(document)


def _misshapen_roles(document: Schema) -> Iterator[tuple[Place, str]]:
    roles: Any = document.get("components", {}).get("x-roles")
    place = ("components", "x-roles")
    if not isinstance(roles, dict) or not all(isinstance(name, str) for name in roles.values()):
        yield place, f"must be a mapping of {listed(ROLES, 'and')} to names of parameters"
        return
    yield from (((*place, meaning), f"is none of {listed(ROLES, 'and')}") for meaning in roles if meaning not in ROLES)


def _in_settings(document: Schema, operation: Operation) -> Iterator[tuple[Place, str]]:
    settings: Any = operation.definition.get("x-method", {})
    place = (*operation.place, "x-method")
    if settings is False:
        return
    if not isinstance(settings, dict):
        yield place, f"must be a mapping of {listed(SETTINGS, 'and')}, or false"
        return
    if settings and not answers_images(document, operation):
        why = "is for operations whose answer, 200 in JSON, is an ImagesResponse"
        yield place, f"{why}; client.low_level has the others: remove it"
    for key, value in settings.items():
        if key not in SETTINGS:
            near = get_close_matches(key, SETTINGS, n=1)
            yield (*place, key), f"is none of {listed(SETTINGS, 'and')}{f'; did you mean {near[0]}?' if near else ''}"
        elif not isinstance(value, SETTINGS[key]) or (key == "arguments" and not all(isinstance(each, str) for each in value)):
            yield (*place, key), f"must be a {'list of names' if key == 'arguments' else 'name'}"


def _in_bodies(document: Schema, method: Method) -> Iterator[tuple[Place, str]]:
    operation = method.operation
    if operation.parameters:
        own = (*operation.place, "parameters")
        place = own if "parameters" in operation.definition else (*operation.place[:-1], "parameters")
        yield place, f"a method sends its body alone: move what is in the URL or the headers there, {_LOW_LEVEL}"
    if not method.bodies:
        yield operation.place, f"has no requestBody, which a method fills: add one, {_LOW_LEVEL}"
    content = (*operation.place, "requestBody", "content")
    for body in method.bodies:
        if body.media_type not in {FORM, JSON}:
            yield (*content, body.media_type), f"can't be sent by a method: offer {JSON} or {FORM}, {_LOW_LEVEL}"
        if body.media_type == JSON and len(method.bodies) > 1 and not body.references:
            why = "which body a call means is told by the images that it is given"
            yield (
                (*content, body.media_type),
                f"{why}: mark with x-reference-of what stands for a file, or remove one of the bodies",
            )
        yield from misshapen_body(document, body)


def _in_roles(document: Schema, made: Iterable[Method]) -> Iterator[tuple[Place, str]]:
    known = {name for method in made for body in method.bodies for name in body.properties}
    for meaning, name in document["components"]["x-roles"].items():
        if known and name not in known:
            why = f"{name!r} is a parameter of no request: after a rename, this needs the new name"
            yield ("components", "x-roles", meaning), why


def _in_names(method: Method) -> Iterator[tuple[Place, str]]:
    place, told = method.operation.place, method.settings
    if "stream" in told and not method.streams:
        why = "no answer of the operation is text/event-stream, so that no method streams it"
        yield (*place, "x-method", "stream"), f"{why}: remove it"
    for key, name in _names(method):
        if fault := _name_fault(name):
            where = ("x-method", key) if key in told else ("operationId",)
            yield (*place, *where), f"{name!r} can't be the name of a method, for {fault}: say another one in x-method"
    if fault := _command_fault(method.command):
        where = next((("x-method", key) for key in ("command", "name") if key in told), ("operationId",))
        yield (*place, *where), f"{method.command!r} can't be a command, for {fault}: say another one as x-method's command"


def _in_arguments(method: Method) -> Iterator[tuple[Place, str]]:
    place = (*method.operation.place, "x-method")
    known = {each.name: each for each in method.parameters}
    unknown = f"must be a parameter of {method.operation.id}, such as {', '.join(known)}"
    if "subject" in method.settings and method.settings["subject"] not in known:
        yield (*place, "subject"), unknown
    if "arguments" not in method.settings:
        return
    named: list[str] = method.settings["arguments"]
    for index, name in enumerate(named):
        if name not in known:
            yield (*place, "arguments", index), unknown
        elif name in named[:index]:
            yield (*place, "arguments", index), f"names {name} twice"
        elif known[name].required and any(not known[other].required for other in named[:index] if other in known):
            yield (*place, "arguments", index), f"{name} is required, and must come before what isn't"
    missing = [each.name for each in method.parameters if each.required and each.name not in named]
    if missing:
        yield (*place, "arguments"), f"leaves out what is required: add {', '.join(missing)}"


def _name_fault(name: str) -> str | None:
    if not name.isidentifier() or iskeyword(name):
        return "Python takes no such name"
    if name.startswith("_"):
        return "it begins with an underscore, as what is private does"
    if name in _TAKEN_METHODS:
        return "the clients have it for themselves"
    if name in _TAKEN_TYPES:
        return "the types of parameters need it"
    return None


def _command_fault(name: str) -> str | None:
    if not re.fullmatch("[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        return "one is made of small letters and digits, with hyphens between"
    return "the command line has it for itself" if name in _TAKEN_COMMANDS else None


def _twice(made: Iterable[Method]) -> Iterator[tuple[Place, str]]:
    owners: dict[str, str] = {}
    for method in made:
        for key, name in _names(method):
            if name in owners:
                where = ("x-method", key) if key in method.settings else ("operationId",)
                why = f"{owners[name]} has a method {name} as well"
                yield (*method.operation.place, *where), f"{why}: say another name in x-method"
            owners.setdefault(name, method.operation.id)
    commands: dict[str, str] = {}
    for method in made:
        owner = commands.setdefault(method.command, method.operation.id)
        if owner != method.operation.id:
            where = ("x-method",) if method.settings else ("operationId",)
            yield (*method.operation.place, *where), f"{owner} is the command {method.command}, too: say another one in x-method"


def _names(method: Method) -> list[tuple[str, str]]:
    """Return the names of a method and its twin, each with the key in `x-method` that says it."""
    return [("name", method.name), *([("stream", method.stream_name)] if method.stream_name is not None else [])]


def _type_names(document: Schema, made: Iterable[Method]) -> Iterator[tuple[Place, str]]:
    """Yield the schemas whose names can't be those of types in the generated modules."""
    types = PythonTypes(document)
    owners = {method.options_name: method.operation.id for method in made}
    for method in made:
        for parameter in method.parameters:
            types.annotation([parameter])
    for name, reference in types.references.items():
        place = place_of(reference)
        if not name.isidentifier() or iskeyword(name):
            yield place, f"{name!r} can't be the name of a type, for Python takes no such name: give it another one"
        elif name in owners:
            yield place, f"{name} is what the options of {owners[name]} are called: give it another name"
        elif name in _TAKEN_TYPES or (name in types.choices and name in types.typed_dicts):
            yield place, f"{name} is another type in the generated modules: give it another name"


def _stray_references(document: Schema) -> Iterator[tuple[Place, str]]:
    bodies = [body for operation in operations(document) for body in request_bodies(document, operation)]
    used = {(*body.place, name) for body in bodies for name in body.references}
    for place, file in walk(document):
        if place[-1:] == ("x-reference-of",) and place[:-1] not in used:
            why = "belongs beside a property of the JSON body of an operation"
            yield place, why if isinstance(file, str) else "must be the name of a file parameter"
