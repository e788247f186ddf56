"""Read openapi.yaml, and say clearly what is wrong with it."""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from math import isfinite
from pathlib import Path
from typing import Any

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tools.generator.conventions import broken_conventions
from tools.generator.document import Place, at, place_of, walk
from tools.generator.method_conventions import unusable_methods
from tools.generator.rule_values import wrong_values
from tools.generator.texts import unwritable, whole

# JSON Schema passes over what it doesn't know, so that a rule with a misspelt keyword would never apply; here it is refused.
# https://json-schema.org/draft/2020-12/json-schema-core#section-7.7.2.2
_META_SCHEMA = jsonschema_rs.Draft202012Validator(
    {
        "$dynamicAnchor": "meta",
        "$ref": "https://json-schema.org/draft/2020-12/schema",
        # What OpenAPI adds: https://spec.openapis.org/oas/v3.1.1.html#fixed-fields-21
        "properties": {
            "discriminator": {"type": "object", "required": ["propertyName"]},
            "example": True,
            "externalDocs": True,
            "xml": True,
        },
        "patternProperties": {"^x-": True},
        "unevaluatedProperties": False,
    },
    validate_formats=True,
)


class ContractError(Exception):
    """The document can't be used; the message names file, line and reason."""


def read_contract(path: Path) -> dict[str, Any]:
    """Read and check an OpenAPI 3.1 document.

    Args:
        path: The YAML file.

    Returns:
        The document as plain dictionaries and lists, its anchors resolved.

    Raises:
        ContractError: It isn't there, isn't YAML, isn't valid OpenAPI 3.1, or breaks a convention of this project.
    """
    try:
        document = whole(YAML(typ="safe", pure=True).load(path))
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}") from error
    except MarkedYAMLError as error:
        raise ContractError(f"{path}{_described(error)}") from error
    except RecursionError as error:
        raise ContractError(f"{path}: is nested too deeply, or an alias in it stands for what holds the alias itself") from error
    except (YAMLError, ValueError) as error:
        raise ContractError(f"{path}: isn't YAML in UTF-8: {error}") from error
    if not isinstance(document, dict):
        raise ContractError(f"{path}:1: must be a mapping, is {type(document).__name__}")
    problems = list(_problems(document))
    if problems:
        # Reading with the lines takes longer than without.
        located = YAML().load(path)
        raise ContractError("\n".join(dict.fromkeys(f"{path}{_place(located, where)}: {message}" for where, message in problems)))
    return document


def line_of(path: Path, pointer: str) -> str:
    """Return `file:line` for a JSON pointer into a document that can be read."""
    return f"{path}:{_line(YAML().load(path), place_of(pointer))}"


def _described(error: MarkedYAMLError) -> str:
    mark, begin = error.problem_mark, error.context_mark
    line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    context = error.context or ""
    # Where a block ends too early or too late, what is wrong is often its indentation, and stands further up.
    since = f" ({context} that begins in line {begin.line + 1})" if begin and context.startswith("while parsing") else ""
    return f"{line}: {error.problem or context}{since}"


def _problems(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong, with its place. Each check relies on what those before it have found to be right."""
    for check in (
        _no_json,
        _unwritable,
        _dead_references,
        _misshapen,
        _endless,
        broken_conventions,
        unusable_methods,
        wrong_values,
        _invalid,
    ):
        found = list(check(document))
        yield from found
        if found:
            return


def _no_json(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    for where, value in walk(document):
        if where and not isinstance(where[-1], str) and isinstance(at(document, where[:-1]), dict):
            yield where, "a key must be a text: put it in quotes"
        if not isinstance(value, dict | list | str | int | float | None):
            yield where, f"must be in quotes, or YAML reads it as a {type(value).__name__}"
        elif isinstance(value, float) and not isfinite(value):
            yield where, "must be a number that JSON can write"


def _unwritable(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    for where, value in walk(document):
        for text in (value, where[-1] if where else None):
            found = unwritable(text) if isinstance(text, str) else None
            if found:
                yield where, f"holds the character {found}, which nobody can see in code or in its docs: take it out"
        if where[-1:] in {("const",), ("default",)} and isinstance(value, str) and not {'"', "\\"}.isdisjoint(value):
            yield where, "must not hold quotes or backslashes, which openapi-python-client would double"


def _dead_references(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    for where, target in walk(document):
        if where[-1:] != ("$ref",):
            continue
        if not isinstance(target, str) or not target.startswith("#/"):
            yield where, f"must refer to a place in this file, such as '#/components/schemas/Prompt', not to {target!r}"
            continue
        try:
            at(document, place_of(target))
        except LookupError:
            yield where, f"nothing is at {target}"


def _misshapen(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    for error in OpenAPIV31SpecValidator.schema_validator.iter_errors(document):
        yield tuple(error.absolute_path), _first_paragraph(error.message)
    # OpenAPI's own schema doesn't look into schemas.
    schemas = [(where, schema) for where, schema in walk(document) if where[:1] == ("paths",) and where[-1:] == ("schema",)]
    components = document.get("components", {})
    named = components.get("schemas", {}) if isinstance(components, dict) else {}
    schemas += [(("components", "schemas", name), each) for name, each in named.items()] if isinstance(named, dict) else []
    for where, schema in schemas:
        faults = {(*where, *error.instance_path): _in_words(error) for error in map(_innermost, _META_SCHEMA.iter_errors(schema))}
        for place, why in faults.items():
            # What is wrong within makes all that is around it look unknown.
            if not any(len(other) > len(place) and other[: len(place)] == place for other in faults):
                yield place, why


def _endless(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    graph: dict[str, list[str]] = {}
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        rules: dict[str, Any] = schema.get("$defs", {}) if isinstance(schema, dict) else {}
        for place, part in {
            f"#/components/schemas/{name}": schema,
            **{f"#/components/schemas/{name}/$defs/{rule}": each for rule, each in rules.items()},
        }.items():
            targets = [(where, target) for where, target in walk(part) if where[-1:] == ("$ref",)]
            # A schema may have properties of its own kind; a rule has no bottom then.
            graph[place] = [target for where, target in targets if "$defs" in place or len(where) == 1]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        yield place_of(ring[0]), f"leads back to itself: {' -> '.join(reversed(ring))}"


def _innermost(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Return, of alternatives none of which fits, what is wrong with the one that reaches deepest."""
    kind: Any = error.kind
    if kind.name != "anyOf":
        return error
    causes: list[jsonschema_rs.ValidationError] = [each for branch in kind.context for each in branch]
    return max(causes, key=lambda each: len(each.instance_path))


def _in_words(error: jsonschema_rs.ValidationError) -> str:
    kind: Any = error.kind
    if kind.name == "unevaluatedProperties":
        return f"{', '.join(kind.unexpected)}: no keyword of JSON Schema 2020-12"
    return error.message


def _invalid(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    for error in OpenAPIV31SpecValidator(document).iter_errors():
        where = tuple(error.absolute_path)
        if not where:
            # Of a default that doesn't fit its schema, the validator gives the value alone.
            defaults = [place for place, _ in walk(document) if place[-1:] == ("default",)]
            where = next((place for place in defaults if at(document, place) == error.instance), ())
        yield where, _first_paragraph(error.message)


def _first_paragraph(message: str) -> str:
    # What follows repeats the part of the document that is wrong: the whole of it, where a key at the top is missing.
    return message.partition("\n\n")[0]


def _place(document: Any, where: Place) -> str:
    return f":{_line(document, where)}: {'/'.join(map(str, where))}" if where else ""


def _line(node: Any, where: Place) -> int:
    """Return the line, from 1, of the deepest part of a path that the YAML reader placed."""
    line = 1
    for key in where:
        try:
            line = node.lc.data[key][0] + 1
            node = node[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
