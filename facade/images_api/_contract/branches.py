"""The parts of a request's schema, and which of them hold for a request. Conditions are compiled by jsonschema-rs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from .document import at, document, merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import jsonschema_rs

    from .document import Schema

_URI = "urn:images-api"


class Branch(NamedTuple):
    """A part of a request's schema, and the requests that it holds for.

    Attributes:
        way: The way to it, as errors tell it.
        rules: What it says of parameters, by name.
        lacking: The names of those that there aren't.
        ifs: Where the conditions above it stand, and whether each is to be met.
        tested: The parameters that the innermost of these looks at.
        reason: The contract's reason for that.
    """

    way: list[str | int]
    rules: Mapping[str, Schema] = {}
    lacking: frozenset[str] = frozenset()
    ifs: tuple[tuple[str, bool], ...] = ()
    tested: tuple[str, ...] = ()
    reason: str = ""

    def holds(self, request: Schema) -> bool:
        """Return whether it holds for a request."""
        return all(validator(pointer).is_valid(request) == is_met for pointer, is_met in self.ifs)

    def scope(self, request: Schema) -> str:
        """Say for which requests such as this one it holds, and the contract's reason for it."""
        words = [""]
        for name in self.tested:
            value = request.get(name)
            if name == document()["components"]["x-roles"]["model"]:
                words += [] if value is None else [f"for {value}"]
            elif value is None or value is False:
                words.append(f"without {name}")
            else:
                words.append(f"with {name} {value}".rstrip())
        return " ".join(words) + (f" ({self.reason})" if self.reason else "")


@cache
def validator(pointer: str) -> jsonschema_rs.Draft202012Validator:
    """Return what checks against the schema that a JSON pointer names."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator({"$ref": f"{_URI}{pointer}"}, registry=_registry())


@cache
def _registry() -> jsonschema_rs.Registry:
    import jsonschema_rs

    return jsonschema_rs.Registry([(_URI, document())], draft=jsonschema_rs.Draft202012)


@cache
def branches(pointer: str) -> list[Branch]:
    """Return the schema that a JSON pointer names, and after it all that it adds for some requests."""
    return list(_walk(pointer, Branch(["$ref"])))


@cache
def said(pointer: str, keyword: str) -> list[tuple[Branch, Mapping[str, Any]]]:
    """Return what a keyword says of parameters, by the branches that use it."""
    values = [(each, {name: rule[keyword] for name, rule in each.rules.items() if keyword in rule}) for each in branches(pointer)]
    return [(branch, by_name) for branch, by_name in values if by_name]


def _walk(pointer: str, above: Branch) -> Iterator[Branch]:
    schema = at(pointer)
    rules = schema.get("properties", {})
    lacking = frozenset(name for name, rule in rules.items() if rule is False)
    branch = above._replace(rules={name: merged(rules[name]) for name in rules.keys() - lacking}, lacking=lacking)
    yield branch
    if "$ref" in schema:
        yield from _walk(schema["$ref"], branch._replace(way=[*branch.way, "$ref"]))
    for index in range(len(schema.get("allOf", ()))):
        yield from _walk(f"{pointer}/allOf/{index}", branch._replace(way=[*branch.way, "allOf", index]))
    for keyword in schema.keys() & {"then", "else"}:
        below = branch._replace(way=[*branch.way, keyword], ifs=(*branch.ifs, (f"{pointer}/if", keyword == "then")))
        if tested := _tested(schema["if"]):
            below = below._replace(tested=tested, reason=schema.get("description", ""))
        yield from _walk(f"{pointer}/{keyword}", below)


def _tested(condition: Schema) -> tuple[str, ...]:
    """Return the names of the parameters that an `if` looks at."""
    denied = _tested(condition["not"]) if "not" in condition else ()
    return tuple(dict.fromkeys([*condition.get("properties", {}), *condition.get("required", ()), *denied]))
