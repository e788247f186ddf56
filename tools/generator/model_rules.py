"""What the contract's conditionals say of each known model alone, whatever else a request holds."""

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import combinations, islice
from typing import Any

import jsonschema_rs

from tools.generator.document import Schema, Subschema, at, place_of, resolved, role
from tools.generator.methods import Body, Parameter

_MOST_FAMILIES = 3


class ModelRules:
    """The per-model rules of a contract.

    Attributes:
        document: The contract.
        parameter: The name of the parameter that tells the model.
    """

    def __init__(self, document: Schema) -> None:
        self.document = document
        self.parameter = role(document, "model")
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}
        self._properties: dict[tuple[str, str], list[dict[str, Subschema]]] = {}

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Return the ids of the known models, in the contract's order."""
        return tuple(self.document["components"]["schemas"].get("ImageModel", {}).get("enum", ()))

    def takers(self, parameter: Parameter) -> set[str]:
        """Return the models that take a parameter in one of the bodies that have it."""
        return {model for model in self.models if any(self._takes(body, parameter.name, model) for body, _ in parameter.schemas)}

    def users(self, bodies: Iterable[Body]) -> set[str]:
        """Return the models that take one of several bodies at all."""
        bodies = tuple(bodies)
        return {model for model in self.models if any(self._takes(body, self.parameter, model) for body in bodies)}

    def values(self, parameter: Parameter, keyword: str) -> list[tuple[Any, list[str]]]:
        """Return what a keyword such as `default` or `maximum` says of a parameter, each value with its models."""
        found: dict[str, tuple[Any, list[str]]] = {}
        for model in self.models:
            bodies = [body for body, _ in parameter.schemas if self._takes(body, parameter.name, model)]
            rules = [rule for body in bodies[:1] for rule in self._rules(body, parameter.name, model) if isinstance(rule, dict)]
            # The last is the innermost, and so the narrowest.
            for value in [rule[keyword] for rule in rules if keyword in rule][-1:]:
                found.setdefault(json.dumps(value), (value, []))[1].append(model)
        return list(found.values())

    def named(self, models: Iterable[str], universe: Iterable[str]) -> list[str]:
        """Return names for some models: of families where they make up the set exactly, else of the models.

        Args:
            models: The models to name.
            universe: Those from which they must be told apart.
        """
        wanted, among = set(models), set(universe)
        within = {title: members & among for title, members in self._families.items() if members & among <= wanted}
        for count in range(1, _MOST_FAMILIES + 1):
            for titles in combinations([title for title, members in within.items() if members], count):
                if set().union(*(within[title] for title in titles)) == wanted:
                    return list(titles)
        return [model for model in self.models if model in wanted]

    @cached_property
    def _families(self) -> dict[str, set[str]]:
        families: dict[str, Schema] = self.document["components"]["schemas"].get("ImageModel", {}).get("$defs", {})
        return {
            str(family["title"]): {model for model in self.models if self._validator(family).is_valid(model)}
            for family in families.values()
            if "title" in family
        }

    def _takes(self, body: Body, name: str, model: str) -> bool:
        return False not in [*self._rules(body, name, model), *self._rules(body, self.parameter, model)]

    def _rules(self, body: Body, name: str, model: str) -> list[Subschema]:
        """Return what the branches for a model say of a parameter."""
        key = body.reference, model
        if key not in self._properties:
            # The first is the request itself, which says what holds for all models.
            branches = islice(self._branches(body.schema, model), 1, None)
            self._properties[key] = [branch["properties"] for branch in branches if "properties" in branch]
        found = [properties[name] for properties in self._properties[key] if name in properties]
        return [rule if isinstance(rule, bool) else resolved(self.document, rule) for rule in found]

    def _branches(self, schema: Subschema, model: str) -> Iterator[Schema]:
        """Yield a schema and everything in it that applies to each request with this model."""
        if isinstance(schema, bool):
            return
        yield schema
        if "$ref" in schema:
            yield from self._branches(at(self.document, place_of(schema["$ref"])), model)
        for part in schema.get("allOf", ()):
            yield from self._branches(part, model)
        if "if" in schema and _looks_at(self.document, schema["if"]) <= {self.parameter}:
            branch = "then" if self._validator(schema["if"]).is_valid({self.parameter: model}) else "else"
            yield from self._branches(schema.get(branch, True), model)

    def _validator(self, schema: Subschema) -> jsonschema_rs.Draft202012Validator:
        key = json.dumps(schema)
        if key not in self._validators:
            # What it refers to is found where it stands in the document.
            whole = {"allOf": [schema], "components": self.document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]


def _looks_at(document: Schema, condition: Subschema) -> set[str]:
    """Return the names of the parameters that a condition looks at."""
    if isinstance(condition, bool):
        return set()
    whole = resolved(document, condition)
    parts: list[Subschema] = [whole[keyword] for keyword in ("not", "if", "then", "else") if keyword in whole]
    parts += [part for keyword in ("allOf", "anyOf", "oneOf") for part in whole.get(keyword, ())]
    return {*whole.get("properties", {}), *whole.get("required", ())}.union(*(_looks_at(document, part) for part in parts))
