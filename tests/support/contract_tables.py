"""What the contract says, read by the tests without the code under test."""

from __future__ import annotations

import json
import math
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]

DOCUMENT: Schema = json.loads((files("images_api_client") / "openapi.json").read_bytes())
SCHEMAS: dict[str, Schema] = DOCUMENT["components"]["schemas"]
_UPPER = ("maximum", "maxLength")
# Of what is forbidden altogether, nothing can be chosen.
_FORBIDDEN: Schema = {"enum": []}


def at(pointer: str) -> Any:
    """Return what a local `$ref` stands for."""
    part: Any = DOCUMENT
    for step in pointer.removeprefix("#/").split("/"):
        part = part[int(step) if isinstance(part, list) else step]
    return part


def resolved(schema: Schema) -> Schema:
    """Return a schema with what its `$ref` stands for."""
    return {**resolved(at(schema["$ref"])), **schema} if "$ref" in schema else schema


def families(model: str) -> set[str]:
    """Return the families a model belongs to."""
    return {name for name, family in SCHEMAS["ImageModel"]["$defs"].items() if re.search(family["pattern"], model)}


def rules(request: str, parameter: str, model: str) -> list[Schema]:
    """Return all that holds for a parameter with a model, whatever else a request says."""
    found = [part["properties"][parameter] for part in _parts(SCHEMAS[request], model) if parameter in part.get("properties", {})]
    return [resolved(rule) if isinstance(rule, dict) else _FORBIDDEN for rule in found]


def supports(request: str, parameter: str, model: str) -> bool:
    """Tell whether a model takes a parameter at all."""
    return _FORBIDDEN not in rules(request, parameter, model)


def bound(request: str, parameter: str, model: str, keyword: str) -> int | None:
    """Return the bound that holds for a parameter with a model, or None."""
    bounds = [rule[keyword] for rule in rules(request, parameter, model) if keyword in rule]
    return (min if keyword in _UPPER else max)(bounds, default=None)


def picture_rule(request: str, parameter: str, model: str, keyword: str) -> Any:
    """Return what `x-image` says of an upload with a model, or None."""
    return next(
        (rule["x-image"][keyword] for rule in reversed(rules(request, parameter, model)) if keyword in rule.get("x-image", {})),
        None,
    )


def defaults(request: str, model: str) -> dict[str, Any]:
    """Return what is documented for a model, the default model apart."""
    named = {name: rules(request, name, model)[1:] for name in SCHEMAS[request]["properties"]}
    return {name: rule["default"] for name, narrower in named.items() for rule in narrower if "default" in rule}


def choices(request: str, parameter: str, model: str) -> list[str]:
    """Return the named choices that a model has for a parameter."""
    general, *narrower = rules(request, parameter, model)
    named = [choice for alternative in general.get("anyOf", ()) for choice in resolved(alternative).get("enum", ())]
    alternatives = [[resolved(each) for each in (rule, *rule.get("anyOf", ()))] for rule in narrower if isinstance(rule, dict)]
    enums = [each["enum"] for several in alternatives for each in several if "enum" in each]
    fewest = max((rule["x-sides"]["minimumPixels"] for rule in narrower if "x-sides" in rule), default=0)
    return [choice for choice in named if all(choice in enum for enum in enums) and not _pixels(choice) < fewest]


def _pixels(size: str) -> float:
    return math.prod(map(int, size.split("x"))) if re.fullmatch("[0-9]+x[0-9]+", size) else math.inf


def types(request: str, parameter: str) -> set[str]:
    """Return the JSON types that a parameter takes."""
    general = resolved(SCHEMAS[request]["properties"][parameter])
    alternatives = [resolved(each) for each in general.get("anyOf", [general])]
    return {name for each in alternatives for name in ([each["type"]] if isinstance(each["type"], str) else each["type"])}


def sample(request: str, parameter: str, model: str) -> Any:
    """Return a value that a parameter takes with a model, whatever else a request says."""
    least = bound(request, parameter, model, "minimum")
    return _sample(SCHEMAS[request]["properties"][parameter], 1 if least is None else least)


def _sample(schema: Schema, least: float = 1) -> Any:
    whole = resolved(schema)
    kind = resolved(whole["anyOf"][0]) if "anyOf" in whole else whole
    if "enum" in kind or "const" in kind:
        return kind.get("enum", [kind.get("const")])[0]
    name = kind["type"] if isinstance(kind["type"], str) else kind["type"][0]
    values: dict[str, Any] = {
        "string": "x" * max(1, kind.get("minLength", 1)),
        "boolean": True,
        "integer": max(least, kind.get("minimum", least)),
        "number": max(least, kind.get("minimum", least)),
    }
    if name == "array":
        return [_sample(kind["items"])] * kind.get("minItems", 1)
    if name == "object":
        return {key: _sample(kind["properties"][key]) for key in kind.get("required", ())}
    return values[name]


def _parts(schema: Schema, model: str) -> Iterator[Schema]:
    yield schema
    if "$ref" in schema:
        yield from _parts(at(schema["$ref"]), model)
    for part in schema.get("allOf", ()):
        yield from _parts(part, model)
    if "if" in schema:
        holds = _holds(schema["if"], model)
        yield from _parts({} if holds is None else schema.get("then" if holds else "else", {}), model)


def _holds(condition: Schema, model: str) -> bool | None:
    """Tell whether a condition is met by the model; None where it looks at something else."""
    if condition == {"type": "object"}:
        return True
    if condition.keys() - {"properties", "required"} or set(condition.get("properties", ())) | {"model"} != {"model"}:
        return None
    if condition.get("required", ["model"]) != ["model"] or "properties" not in condition:
        return None
    wanted = condition["properties"]["model"]
    unwanted = wanted.get("not")
    return _is(wanted, model) and not (unwanted and _is(unwanted, model))


def _is(family: Schema, model: str) -> bool:
    return cast("str", family["$ref"]).rpartition("/")[2] in families(model)
