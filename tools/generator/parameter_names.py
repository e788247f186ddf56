"""Whether every parameter that a rule names is there: after a rename, a rule with the old name would never apply again."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from tools.generator.document import ALTERNATIVES, Place, Schema, Subschema, at, declared, place_of, resolved

_BRANCHES = ("if", "then", "else", "not")


class _Use(NamedTuple):
    place: Place
    name: str
    known: tuple[str, ...]
    forbids: bool
    """Whether it says no more than that the parameter must not be there."""


def unknown_names(document: Schema) -> Iterator[tuple[Place, str]]:
    """Yield where a name is used that is no property of the schema that the use belongs to.

    A rule that several requests share may forbid what only some of them have. All else that it names, each must have.
    """
    schemas: dict[str, Schema] = document.get("components", {}).get("schemas", {})
    uses: dict[tuple[Place, str], dict[str, _Use]] = {}
    for name, schema in schemas.items():
        for use in _uses(document, ("components", "schemas", name), schema, declared(document, schema)):
            uses.setdefault((use.place, use.name), {})[name] = use
        yield from _discriminator(document, name, schema)
    for (place, name), users in uses.items():
        without = [user for user, use in users.items() if name not in use.known]
        others = [user for user in users if user not in without]
        if without and not (others and all(use.forbids for use in users.values())):
            yield place, f"{name!r} is no property of {', '.join(without)}: {_remedy(name, users[without[0]].known, others)}"


def _remedy(name: str, known: tuple[str, ...], others: list[str]) -> str:
    if others:
        return f"rename it in {', '.join(others)} as well, which share this rule, or split the rule"
    near = get_close_matches(name, known, n=1)
    return f"after a rename, every rule needs the new name{f'; did you mean {near[0]}?' if near else ''}"


def _uses(document: Schema, place: Place, schema: Subschema, properties: dict[str, Schema]) -> Iterator[_Use]:
    if isinstance(schema, bool):
        return
    known = tuple(properties)
    rule = place_of(schema.get("$ref", ""))
    if "$defs" in rule:
        yield from _uses(document, rule, at(document, rule), properties)
    for index, name in enumerate(schema.get("required", ())):
        yield _Use((*place, "required", index), name, known, forbids=False)
    for name, part in schema.get("properties", {}).items():
        where = (*place, "properties", name)
        yield _Use(where, name, known, forbids=part is False)
        if name in properties and isinstance(part, dict):
            yield from _uses(document, where, part, declared(document, properties[name]))
            rules = resolved(document, part).get("x-image")
            if isinstance(rules, dict) and "sameSizeAs" in rules:
                yield _Use((*where, "x-image", "sameSizeAs"), rules["sameSizeAs"], known, forbids=False)
    for keyword in _BRANCHES:
        yield from _uses(document, (*place, keyword), schema.get(keyword, True), properties)
    for keyword in ALTERNATIVES:
        for index, part in enumerate(schema.get(keyword, ())):
            yield from _uses(document, (*place, keyword, index), part, properties)


def _discriminator(document: Schema, name: str, schema: Schema) -> Iterator[tuple[Place, str]]:
    place = ("components", "schemas", name, "discriminator")
    told: Schema = schema.get("discriminator", {})
    for part in schema.get("oneOf", ()) if told else ():
        key = told["propertyName"]
        if key not in declared(document, part):
            yield (*place, "propertyName"), f"{key!r} is no property of {part.get('$ref', 'an alternative')}"
    for value, target in told.get("mapping", {}).items():
        try:
            at(document, place_of(target))
        except LookupError:
            yield (*place, "mapping", value), f"nothing is at {target}"
