"""The one place where the sandbox asks the contract what a request may say."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, cast

from images_api._contract.document import document
from images_api._contract.operations import operation as described

from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from images_api._images.headers import ImageFacts

# The official host refuses what it doesn't know; other servers have parameters of their own.
_STRICT = ("gpt-", "chatgpt-", "dall-e-")
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
    """What the contract says of one kind of body."""

    def __init__(self, operation: str, media_type: str) -> None:
        self.operation = operation
        self._contract = described(operation).bodies[media_type]

    @property
    def takes_files(self) -> bool:
        """Whether pictures come as files, rather than being referred to or not needed."""
        return bool(self._contract.files)

    def kind(self, name: str) -> str:
        """Return what a form field is: file, integer, boolean, text; "" when nobody knows."""
        if name in self._contract.files:
            return "file"
        if name not in self._contract.properties:
            return ""
        types = self._contract.properties[name].get("type", ())
        return next((kind for kind in ("integer", "boolean") if kind in types), "text")

    def completed(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return `fields` with the contract's defaults for the model where nothing is said."""
        given = {name: value for name, value in fields.items() if value is not None}
        given = {**self._contract.general_defaults, **given}
        return {**self._contract.defaults(given["model"]), **given}

    def split(self, fields: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
        """Return the fields that the contract knows, and the others."""
        known = {name: value for name, value in fields.items() if self.kind(name)}
        return known, {name: value for name, value in fields.items() if name not in known}

    def check(self, fields: Mapping[str, object], pictures: Mapping[str, Sequence[ImageFacts]]) -> None:
        """Raise `RefusedError` for the first thing that isn't allowed."""
        # The model's own rules hold as well where it is the default one.
        fields = {**fields, "model": self.completed(fields)["model"]}
        strict = str(fields["model"]).startswith(_STRICT)
        for name, _, why, rule in self._contract.check(fields, pictures):
            if rule == "unknown" and not strict:
                continue
            if rule == "required":
                message = f"Missing required parameter: '{name}'."
            elif rule == "unknown" or (rule == "falseSchema" and name != "model"):
                message = f"Unknown parameter: '{name}'. It {why}."
            else:
                message = f"Invalid value for '{name}': it {why}."
            code = "invalid_value" if name == "model" else _CODES.get(rule, "invalid_value")
            raise RefusedError(message, param=name, code=code)


@cache
def rules(operation: str, media_type: str) -> Rules:
    """Return the rules for a body of a media type, or raise KeyError if there are none."""
    return Rules(operation, media_type)


def in_family(model: str, family: str) -> bool:
    """Return whether a model belongs to one of the contract's families."""
    families = document()["components"]["x-families"]
    return re.search(cast("str", families[family]["pattern"]), model) is not None
