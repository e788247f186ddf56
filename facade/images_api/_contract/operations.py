"""What the contract says of an operation: its bodies, and how it takes images."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from .document import document, merged, types
from .rules import RequestContract
from .wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .document import Schema

# What other clients of this API call their arguments, and what stands for it here.
_NAMES_ELSEWHERE = {
    "api_version": "base_url, with ?api-version= behind it",
    "azure_ad_token": "api_key",
    "azure_ad_token_provider": "api_key",
    "azure_endpoint": "base_url",
    "default_query": "base_url, with the query behind it",
    "_strict_response_validation": "validate",
}


class Operation:
    """An operation with a request body.

    Attributes:
        id: Its id, such as `createImage`.
        subject: The parameter that its images are about, for their file names; None for the first argument.
        bodies: The rules of each kind of body, by media type, in the contract's order.
        files: The names of the parameters that are images.
        form: The media type of the body that takes them as files; of the first where none does.
        by_reference: The media type of the body that takes them by reference, likewise.
    """

    def __init__(self, definition: Schema) -> None:
        self.id: str = definition["operationId"]
        self.subject: str | None = (definition.get("x-method") or {}).get("subject")
        content: Mapping[str, Schema] = definition["requestBody"]["content"]
        self.bodies = {kind: RequestContract(self.id, body["schema"]["$ref"]) for kind, body in content.items()}
        self.files = tuple(dict.fromkeys(name for body in self.bodies.values() for name in body.files))
        first = next(iter(content))
        self.form = next((kind for kind, body in self.bodies.items() if body.files), first)
        self.by_reference = next((kind for kind, body in self.bodies.items() if body.references), first)

    def reference(self, name: str, given: object) -> dict[str, str] | None:
        """Return an image in the form of a reference, if it may be given so and is a text that names one.

        Args:
            name: The parameter that the image is given for.
            given: A link, a `data:` URL or a file id; or anything else.
        """
        if not isinstance(given, str):
            return None
        for body in self.bodies.values():
            # What a body doesn't take by reference is refused by its name, not for what it isn't.
            schema = body.properties.get(body.references.get(name) or next(iter(body.references.values()), ""), {})
            for key, part in merged(schema.get("items", schema)).get("properties", {}).items():
                if "pattern" in part and re.match(part["pattern"], given):
                    return {key: given}
        return None


@cache
def operation(operation_id: str) -> Operation:
    """Return an operation.

    Raises:
        KeyError: The contract has no such operation, or it has no body.
    """
    return Operation(definitions()[operation_id])


@cache
def definitions() -> Mapping[str, Schema]:
    """Return what the contract says of each operation that has a request body, by id."""
    # A path also holds what is no operation.
    parts = (part for path in document()["paths"].values() for part in path.values())
    return {part["operationId"]: part for part in parts if isinstance(part, dict) and "requestBody" in part}


def unknown_option(name: str, arguments: Collection[str]) -> str:
    """Say that there is no such option, and which may have been meant: an option of any operation, or an argument."""
    options = {option for each in definitions() for body in operation(each).bodies.values() for option in body.options}
    elsewhere = _NAMES_ELSEWHERE.get(name)
    hint = f"did you mean {elsewhere}?" if elsewhere else did_you_mean(name, [*arguments, *options])
    return f"is no argument of a client, nor an option of any operation; {hint}".rstrip("; ")


@cache
def paths() -> Mapping[str, str]:
    """Return the path of each operation by its id."""
    parts = ((path, part) for path, parts in document()["paths"].items() for part in parts.values())
    return {part["operationId"]: path for path, part in parts if isinstance(part, dict) and "operationId" in part}


@cache
def option_types(name: str) -> frozenset[str]:
    """Return the JSON types that the operations take for an option; none for what is no option of any."""
    return frozenset(kind for body in _bodies() if name in body.options for kind in types(body.properties[name]))


def is_taken(name: str, value: object) -> bool:
    """Return whether some known model takes a parameter and, where it has choices, this one."""
    return any(name in body.properties and not body.lacks(None, name, value) for body in _bodies())


def _bodies() -> Iterator[RequestContract]:
    return (body for each in definitions() for body in operation(each).bodies.values())
