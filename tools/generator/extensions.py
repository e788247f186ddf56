"""Whether the extensions of the contract say what its head lists: what is misspelt there would mean nothing to anybody."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import jsonschema_rs

from tools.generator.descriptions import listed
from tools.generator.document import Place, Schema, at, walk

_TEXT = {"type": "string", "minLength": 1}
_POSITIVE = {"type": "integer", "exclusiveMinimum": 0}
_FLAG = {"type": "boolean"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


# What each may hold. Those that other modules look into hold anything here.
_EXTENSIONS: dict[str, Schema | bool] = {
    "x-method": True,
    "x-reference-of": True,
    "x-roles": True,
    "x-retired": {
        "type": "object",
        "additionalProperties": {
            **_object(date={"type": "string", "format": "date"}, successor=_TEXT),
            "required": ["date", "successor"],
        },
    },
    "x-codes": {
        "type": "object",
        "patternProperties": {
            "^(policy|phrases|quota|[1-5][0-9]{2})$": {"type": "array", "items": {"type": "string", "pattern": "^[^A-Z]+$"}}
        },
        "additionalProperties": False,
    },
    "x-image": _object(
        types={"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"^[a-z]+/[a-z0-9.+*-]+$"}},
        bytesBelow=_POSITIVE,
        square=_FLAG,
        alpha=_FLAG,
        sameSizeAs=_TEXT,
    ),
    "x-sides": _object(
        multipleOf=_POSITIVE,
        maximum=_POSITIVE,
        minimumPixels=_POSITIVE,
        maximumPixels=_POSITIVE,
        maximumRatio={"type": "number", "minimum": 1},
    ),
}
# What their keys may be, for those who misspelt one.
_KEYS = {
    "x-retired": ("date", "successor"),
    "x-codes": ("policy", "phrases", "quota", "a status such as 400"),
    **{name: tuple(at(_EXTENSIONS, (name, "properties"))) for name in ("x-image", "x-sides")},
}
# In these, a key that begins so is a name or a value of the API, and no extension.
_NAMES = {
    "properties",
    "patternProperties",
    "headers",
    "mapping",
    "required",
    "default",
    "const",
    "enum",
    "example",
    "examples",
    "value",
}
_VALIDATORS = {name: jsonschema_rs.Draft202012Validator(schema, validate_formats=True) for name, schema in _EXTENSIONS.items()}


def wrong_extensions(document: Schema) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong in an extension, or is called nearly as one, with its place."""
    for where, value in walk(document):
        name = where[-1] if where else ""
        if not isinstance(name, str) or not name.startswith("x-") or not _NAMES.isdisjoint(where[-2:-1]):
            continue
        if name in _VALIDATORS:
            for error in _VALIDATORS[name].iter_errors(value):
                for key, why in _in_words(name, error):
                    yield (*where, *error.instance_path, *key), why
        elif near := get_close_matches(name, _EXTENSIONS, n=1, cutoff=0.75):
            yield where, f"is no extension of this project; did you mean {near[0]}?"
        if name == "x-retired" and isinstance(value, dict):
            yield from _unknown_models(where, value, at(document, where[:-1]).get("enum", ()))


def _in_words(name: str, error: jsonschema_rs.ValidationError) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong, and with which key, where it is one that mustn't be there."""
    kind: Any = error.kind
    if kind.name != "additionalProperties":
        yield (), error.message
        return
    for key in kind.unexpected:
        near = get_close_matches(key, _KEYS[name], n=1)
        yield (key,), f"is none of {listed(_KEYS[name], 'and')}{f'; did you mean {near[0]}?' if near else ''}"


def _unknown_models(place: Place, retired: Schema, models: list[str]) -> Iterator[tuple[Place, str]]:
    for model, retirement in retired.items():
        if model not in models:
            yield (*place, model), f"{model!r} is none of the choices beside it"
        successor = retirement.get("successor") if isinstance(retirement, dict) else None
        if isinstance(successor, str) and successor not in models:
            yield (*place, model, "successor"), f"{successor!r} is none of the choices beside it"
