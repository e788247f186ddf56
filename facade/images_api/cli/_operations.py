"""The operations as commands: their names, and their parameters out of all bodies, as the generator gives them to methods."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from images_api._contract.document import document, merged
from images_api._contract.operations import operations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from images_api._contract.document import Schema
    from images_api._contract.operations import Operation
    from images_api._contract.rules import RequestContract


@cache
def commands() -> Mapping[str, Operation]:
    """Return the operations that are commands, by the commands' names, in the contract's order."""
    return {command_name(each): each for each in operations().values() if each.answers_images and _said(each) is not False}


def command_name(operation: Operation) -> str:
    """Return what the command line calls an operation."""
    said = _said(operation) or {}
    # The generator's own way to split an id into words.
    words = re.findall(r"[^\s._-]+", " ".join(re.split(r"([A-Z]?[a-z]+)", operation.id)))
    return str(said.get("command") or (said.get("name") or "_".join(words).lower()).replace("_", "-"))


def arguments(operation: Operation) -> tuple[str, ...]:
    """Return the parameters that may be given by position, in order."""
    named: list[str] | None = (_said(operation) or {}).get("arguments")
    if named is not None:
        return tuple(named)
    needed = [
        {_stands_for(body).get(name, name) for name in body.required if name not in body.general_defaults}
        for body in operation.bodies.values()
    ]
    required = [name for name in parameters(operation) if all(name in names for names in needed)]
    return tuple(sorted(required, key=lambda name: not is_file(operation, name)))


def streams(operation: Operation) -> bool:
    """Return whether it can answer events, so that an image is seen while it takes shape."""
    return "text/event-stream" in operation.answers


def roles() -> Mapping[str, str]:
    """Return the names of the parameters that mean something to every client, by what they mean."""
    found: Mapping[str, str] = document()["components"]["x-roles"]
    return found


@cache
def parameters(operation: Operation) -> Mapping[str, Schema]:
    """Return the schemas of the parameters by name, each as in the first body that has it.

    The first body's order leads; what only another has comes last. References are left out, for they are given as their files
    are, and so is what says whether to stream.
    """
    stream = roles().get("stream")
    found: dict[str, Schema] = {}
    for body in operation.bodies.values():
        references = _stands_for(body)
        own = {name: schema for name, schema in body.properties.items() if name not in references and name != stream}
        found |= own | found
    return found


def is_file(operation: Operation, name: str) -> bool:
    """Return whether a parameter is an image."""
    return name in operation.files


def takes_several(operation: Operation, name: str) -> bool:
    """Return whether a parameter is an image of which there may be a list."""
    schemas = [body.properties[name] for body in operation.bodies.values() if name in body.files]
    return any(merged(part).get("type") == "array" for schema in schemas for part in schema.get("anyOf", [schema]))


def _said(operation: Operation) -> Any:
    """Return what the contract says in `x-method`."""
    return operation.definition.get("x-method")


def _stands_for(body: RequestContract) -> Mapping[str, str]:
    """Return which parameter that takes references stands for which that takes files."""
    return {name: file for file, name in body.references.items()}
