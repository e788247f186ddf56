"""Whether the values in rules are those of their parameters: a rule for a choice that isn't there would never apply."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

import jsonschema_rs

from tools.generator.descriptions import shown
from tools.generator.document import ALTERNATIVES, Place, Schema, Subschema, alternatives, at, declared, place_of

_CONDITION, _CONSEQUENCE = "if", "then"
_BRANCHES = {"if": _CONDITION, "then": _CONSEQUENCE, "else": _CONSEQUENCE}
_ABOUT_THE_SAME = ("not", "if", "then", "else")


class _Use(NamedTuple):
    """A keyword in a rule, about one parameter."""

    place: Place
    keyword: str
    value: Any
    part: Schema
    """What it stands in."""
    parameter: str
    schema: Schema
    """What the parameter is whatever the rules."""
    branch: str


def wrong_values(document: Schema) -> Iterator[tuple[Place, str]]:
    """Yield each choice, pattern and default in a rule that its parameter doesn't have, with its place.

    Of the requests that share a rule, one must have a choice; a default all that have the rule must take.

    Args:
        document: A contract in which rules name parameters that are there.
    """
    checks = _Checks(document)
    uses: dict[Place, dict[str, list[str]]] = {}
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        own = {key: part for key, part in schema.items() if key != "properties"}
        for use in checks.uses(("components", "schemas", name), own, declared(document, schema), ""):
            uses.setdefault(use.place, {})[name] = checks.faults(use)
    for place, users in uses.items():
        for why in dict.fromkeys(why for found in users.values() for why in found):
            faulty = [name for name, found in users.items() if why in found]
            if len(faulty) == len(users) or place[-1] == "default":
                yield place, f"{why} (in {', '.join(faulty)})"


class _Checks:
    def __init__(self, document: Schema) -> None:
        self._document = document
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def uses(
        self, place: Place, schema: Subschema, properties: dict[str, Schema], branch: str, seen: frozenset[Place] = frozenset()
    ) -> Iterator[_Use]:
        """Yield what a schema, or what it refers to, says of the values of parameters under a condition or in it."""
        if isinstance(schema, bool) or place in seen:
            return
        seen |= {place}
        if "$ref" in schema and branch:
            target = place_of(schema["$ref"])
            yield from self.uses(target, at(self._document, target), properties, branch, seen)
        for name, part in schema.get("properties", {}).items() if branch else ():
            if name in properties and isinstance(part, dict):
                where = (*place, "properties", name)
                yield from self._of_one(where, part, (name, properties[name], branch))
                yield from self.uses(where, part, declared(self._document, properties[name]), branch, seen)
        for keyword, part in schema.items():
            if keyword in _BRANCHES or keyword == "not":
                # What is in the condition of a condition is a condition.
                inner = branch if branch == _CONDITION else _BRANCHES.get(keyword, branch)
                yield from self.uses((*place, keyword), part, properties, inner, seen)
            elif keyword in ALTERNATIVES:
                for index, each in enumerate(part):
                    yield from self.uses((*place, keyword, index), each, properties, branch, seen)

    def _of_one(
        self, place: Place, part: Subschema, parameter: tuple[str, Schema, str], seen: frozenset[Place] = frozenset()
    ) -> Iterator[_Use]:
        if isinstance(part, bool) or place in seen:
            return
        seen |= {place}
        if "$ref" in part:
            target = place_of(part["$ref"])
            yield from self._of_one(target, at(self._document, target), parameter, seen)
        for keyword, value in part.items():
            if keyword in {"const", "enum", "default", "pattern"}:
                yield _Use((*place, keyword), keyword, value, part, *parameter)
            elif keyword in _ABOUT_THE_SAME:
                yield from self._of_one((*place, keyword), value, parameter, seen)
            elif keyword in ALTERNATIVES:
                for index, each in enumerate(value):
                    yield from self._of_one((*place, keyword, index), each, parameter, seen)

    def faults(self, use: _Use) -> list[str]:
        """Return what is wrong with a value, in words."""
        kinds = [kind for kind in alternatives(self._document, use.schema) if isinstance(kind, dict)]
        named = [choice for kind in kinds for choice in kind.get("enum", ()) if choice is not None]
        if use.keyword == "pattern":
            is_met = use.branch != _CONDITION or not named or any(self._takes({"pattern": use.value}, choice) for choice in named)
            return [] if is_met else [f"no choice of {use.parameter} matches {shown(use.value)}: add one, or mend the pattern"]
        values = use.value if use.keyword == "enum" else [use.value]
        if named:
            found = [_unnamed(use.parameter, value, named) for value in values if value is not None and value not in named]
        else:
            found = [f"{use.parameter} can't be {shown(value)}" for value in values if not self._takes(use.schema, value)]
        if use.keyword == "default" and not self._takes(use.part, use.value):
            found.append(f"the rule itself refuses the default {shown(use.value)} of {use.parameter}")
        return found

    def _takes(self, schema: Schema, value: Any) -> bool:
        key = json.dumps(schema)
        if key not in self._validators:
            # What it refers to is found where it stands in the document.
            whole = {"allOf": [schema], "components": self._document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key].is_valid(value)


def _unnamed(parameter: str, value: Any, named: list[Any]) -> str:
    near = get_close_matches(str(value), list(map(str, named)), n=1)
    return f"{parameter} has no choice {shown(value)}{f'; did you mean {shown(near[0])}?' if near else ''}"
