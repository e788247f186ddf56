"""The one place where the sandbox asks the contract what a request may say."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from images_api._contract.document import error_codes, families, merged
from images_api._contract.operations import operation

from ._operations import models
from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from images_api._contract.document import Schema
    from images_api._contract.operations import Operation
    from images_api._contract.rules import Violation
    from images_api._images.headers import ImageFacts

_CODES = {
    "required": "missing_required_parameter",
    "type": "invalid_type",
    "maximum": "integer_above_max_value",
    "minimum": "integer_below_min_value",
    "maxLength": "string_above_max_length",
    "minLength": "empty_string",
    "maxItems": "array_above_max_length",
    "minItems": "empty_array",
    "unknown": "unknown_parameter",
    "falseSchema": "unknown_parameter",
    "x-image": "invalid_image_file",
}


class Rules:
    """What the contract says of one kind of body.

    Attributes:
        body: The contract's own account of it.
        subject: The parameter whose words an image shows; None where there is none.
    """

    def __init__(self, described: Operation, media_type: str) -> None:
        self.body = described.bodies[media_type]
        texts = (name for name, schema in self.body.properties.items() if name not in self.body.options and _is_free_text(schema))
        names = [described.subject, "prompt", *texts]
        fit = (name for name in names if name in self.body.properties and name != self.body.roles.get("model"))
        self.subject = next(fit, None)

    def role(self, role: str, fields: Mapping[str, object]) -> object:
        """Return what is said for the parameter with a role (`model`, `count`, `stream`), or None."""
        return fields.get(self.body.roles.get(role, ""))

    def types(self, path: Sequence[str], *, several: bool) -> frozenset[str]:
        """Return the JSON types of a form's field; none where nobody knows.

        Args:
            path: The parameter, and the way into it.
            several: Whether the field is one of a list there.
        """
        parts: list[Schema] = [{"properties": self.body.properties}]
        for step in path:
            parts = [inner for part in parts for inner in _alternatives(part.get("properties", {}).get(step, {}))]
        if several:
            parts = [part.get("items", {}) for part in parts]
        return frozenset(kind for part in parts for kind in types(part))

    def completed(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return what is said, and the contract's defaults where nothing is."""
        said = {name: value for name, value in self._with_general_defaults(fields).items() if value is not None}
        return {**self.body.defaults(self.role("model", said)), **said}

    def check_model(self, fields: Mapping[str, object]) -> None:
        """Raise `RefusedError` for a model that the contract doesn't list."""
        refuse_unknown_model(self.role("model", fields), self.body.roles.get("model"))

    def check(self, fields: Mapping[str, object], images: Mapping[str, Sequence[ImageFacts]]) -> None:
        """Raise `RefusedError` for the first thing that isn't allowed."""
        self._refuse(fields, self._violations(fields, images))

    def check_referred(
        self, fields: Mapping[str, object], images: Mapping[str, Sequence[ImageFacts]], references: Mapping[str, str]
    ) -> None:
        """Raise `RefusedError` for the first image that would not be allowed as a file.

        Args:
            fields: What the request says besides; what this body doesn't know is passed over.
            images: The images by the names that they have here.
            references: Their names in the request, by those.
        """
        known = {name: value for name, value in fields.items() if name in self.body.properties}
        files = {name: facts for name, facts in images.items() if name in self.body.files}
        parts = ((*violation.parameter.partition("["), violation) for violation in self._violations(known, files))
        renamed = (
            violation._replace(parameter=f"{references[name]}{bracket}{index}")
            for name, bracket, index, violation in parts
            if name in files
        )
        self._refuse(fields, renamed)

    def _violations(self, fields: Mapping[str, object], images: Mapping[str, Sequence[ImageFacts]]) -> list[Violation]:
        # The model's own rules hold as well where it is the default one.
        return self.body.check(self._with_general_defaults(fields), images)

    def _with_general_defaults(self, fields: Mapping[str, object]) -> dict[str, object]:
        defaults = self.body.general_defaults.items()
        return {**fields, **{name: value for name, value in defaults if fields.get(name) is None}}

    def _refuse(self, fields: Mapping[str, object], violations: Iterable[Violation]) -> None:
        strict = _is_known(self.role("model", self._with_general_defaults(fields)))
        for name, _, why, rule in violations:
            if rule == "unknown" and not strict:
                continue
            is_model = name == self.body.roles.get("model")
            if rule == "required":
                message = f"Missing required parameter: '{name}'."
            elif rule == "unknown" or (rule == "falseSchema" and not is_model):
                message = f"Unknown parameter: '{name}'. It {why}."
            else:
                message = f"Invalid value for '{name}': it {why}."
            code = "invalid_value" if is_model else _CODES.get(rule, "invalid_value")
            raise RefusedError(message, param=name, code=code)


@cache
def rules(operation_id: str, media_type: str) -> Rules:
    """Return the rules for a body of a media type, or raise KeyError if there are none."""
    return Rules(operation(operation_id), media_type)


def types(schema: Schema) -> Iterator[str]:
    """Yield the JSON types that a schema takes."""
    for part in _alternatives(schema):
        kinds = part.get("type", ())
        yield from [kinds] if isinstance(kinds, str) else kinds


def refuse_unknown_model(model: object, parameter: str | None = None, listed: Collection[str] | None = None) -> None:
    """Raise `RefusedError` for a model that isn't listed.

    Args:
        model: Its id; anything else is somebody else's matter.
        parameter: The parameter that it was given for.
        listed: The models that there are; None for those that the contract lists.
    """
    if isinstance(model, str) and model not in (models() if listed is None else listed):
        message = f"The model '{model[:200]}' does not exist."
        raise RefusedError(message, param=parameter, code="model_not_found", status=404)


def check_content(text: object) -> None:
    """Raise `RefusedError` for a text that asks for it, by the very name of a refusal, such as `moderation_blocked`."""
    refused = next((code for code in _refusals_of_content() if code in str(text)), None)
    if refused:
        message = "Your request was rejected by the safety system, as its text asks for it by name."
        details = {"moderation_stage": "input", "categories": ["sandbox"]}
        kind = "image_generation_user_error"
        raise RefusedError(message, code=refused, kind=kind, topic="content", moderation_details=details)


@cache
def _refusals_of_content() -> tuple[str, ...]:
    names = (code.strip("*") for code in error_codes()["policy"])
    # The longest first, of which another may be a part; what has no such sign may stand in any text.
    return tuple(sorted((name for name in names if "_" in name), key=len, reverse=True))


def in_family(model: object, family: str) -> bool:
    """Return whether a model belongs to one of the contract's families."""
    return isinstance(model, str) and family in families(model)


def _is_known(model: object) -> bool:
    # The official host refuses parameters that it doesn't know; the servers of other models have some of their own.
    return not isinstance(model, str) or bool(families(model))


def _alternatives(schema: Schema) -> Iterator[Schema]:
    schema = merged(schema)
    yield schema
    for choice in schema.get("anyOf", ()):
        yield from _alternatives(choice)


def _is_free_text(schema: Schema) -> bool:
    return any("string" in part.get("type", ()) and not part.keys() & {"enum", "format"} for part in _alternatives(schema))
