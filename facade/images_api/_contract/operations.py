"""What the contract says of an operation: its path, its bodies, and how it takes images."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from .document import Schema, definitions, merged
from .rules import RequestContract
from .wording import did_you_mean

# What other clients of this API call their arguments has such a word in it; and what stands for it here.
_ELSEWHERE = {
    "endpoint": "base_url",
    "query": "base_url, with the query behind it",
    "token": "api_key",
    "validation": "validate",
    "version": "base_url, with ?api-version= behind it",
}


class Operation:
    """An operation.

    Attributes:
        id: Its id, such as `createImage`.
        path: Where it is found under the base URL.
        method: How it is asked for, such as `POST`.
        definition: All that the contract says of it.
        answers: What a success may hold, by media type.
        subject: The parameter that its images are about, for their file names; None for the first argument.
        bodies: The rules of each kind of body, by media type, in the contract's order.
        files: The names of the parameters that are images.
        form: The media type of the body that takes them as files; of the first where none does.
        by_reference: The media type of the body that takes them by reference, likewise.
    """

    def __init__(self, path: str, method: str, definition: Schema) -> None:
        self.id: str = definition["operationId"]
        self.path, self.method, self.definition = path, method, definition
        self.answers: Mapping[str, Schema] = merged(definition["responses"].get("200", {})).get("content", {})
        self.subject: str | None = (definition.get("x-method") or {}).get("subject")
        content: Mapping[str, Schema] = definition.get("requestBody", {}).get("content", {})
        self.bodies = {kind: RequestContract(self.id, body["schema"]["$ref"]) for kind, body in content.items()}
        self.files = tuple(dict.fromkeys(name for body in self.bodies.values() for name in body.files))
        first = next(iter(content), "")
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
        body = self.bodies[self.by_reference]
        # What the body doesn't take by reference is refused by its name, not for what it isn't.
        schema = body.properties.get(body.references.get(name) or next(iter(body.references.values()), ""), {})
        parts = merged(schema.get("items", schema)).get("properties", {}).items()
        return next(({key: given} for key, part in parts if "pattern" in part and re.match(part["pattern"], given)), None)

    @property
    def answers_images(self) -> bool:
        """Return whether it takes a body and answers images."""
        answer = self.answers.get("application/json", {}).get("schema", {}).get("$ref")
        return bool(self.bodies) and answer == "#/components/schemas/ImagesResponse"


@cache
def operations() -> Mapping[str, Operation]:
    """Return the operations by their ids."""
    return {definition["operationId"]: Operation(path, method, definition) for path, method, definition in definitions()}


def operation(operation_id: str) -> Operation:
    """Return an operation.

    Raises:
        KeyError: The contract has no such operation.
    """
    return operations()[operation_id]


def is_taken(name: str, value: object) -> bool:
    """Return whether some known model takes a parameter and, where it has choices, this one."""
    return any(name in body.properties and not body.lacks(None, name, value) for body in _bodies())


def option_fault(name: str, value: object, arguments: Collection[str]) -> str | None:
    """Say that no operation has an option or takes a value of its type, and which option or argument may have been meant."""
    faults = [body.type_fault(name, value) for body in _bodies() if name in body.options]
    if faults:
        return None if None in faults else faults[0]
    elsewhere = [ours for word, ours in _ELSEWHERE.items() if word in name]
    options = {option for body in _bodies() for option in body.options}
    hint = f"did you mean {elsewhere[0]}?" if elsewhere else did_you_mean(name, [*arguments, *options])
    return f"is no argument of a client, nor an option of any operation; {hint}".rstrip("; ")


def _bodies() -> Iterator[RequestContract]:
    return (body for each in operations().values() for body in each.bodies.values())
