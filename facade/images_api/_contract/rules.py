"""What one kind of request body may hold, by model: its parameters, their defaults, and the checks.

JSON Schema does the checks, compiled by jsonschema-rs when an operation is first used; what JSON Schema can't say (`x-image` and
`x-sides`, see the head of openapi.yaml) is checked here.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from .document import MODELS, at, choices, decode_json, document, families, merged
from .wording import did_you_mean, hint, image_fault, innermost, sized, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import jsonschema_rs

    from images_api._images.headers import ImageFacts

    from .document import Schema

_URI = "urn:images-api"
_PLAIN = {str, int, bool, float, type(None)}
# Of two ids or words, how alike they must be that one may be the other, misspelt.
_CLOSE = 0.75


class Violation(NamedTuple):
    """A rule that a request breaks: with which parameter and value, why in words, and the rule's keyword."""

    parameter: str
    value: object
    why: str
    rule: str


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
        return all(_validator(pointer).is_valid(request) == is_met for pointer, is_met in self.ifs)

    def scope(self, request: Schema) -> str:
        """Say for which requests such as this one it holds, and the contract's reason for it."""
        words = [""]
        for name in self.tested:
            value = request.get(name)
            if name == document()["components"]["x-roles"]["model"]:
                words += [] if value is None else [f"for {value}"]
            else:
                words.append(f"without {name}" if value is None or value is False else f"with {name} {value}".rstrip())
        return " ".join(words) + (f" ({self.reason})" if self.reason else "")


class RequestContract:
    """The rules for one kind of request body.

    Attributes:
        operation: The operation's id.
        properties: The schema of each parameter by name, in the contract's order.
        files: The names of the parameters that are images.
        required: The names of those that must be there.
        references: The names of the parameters that hold images by reference, by the name of the one that holds them as files.
        roles: The names of the parameters that mean something to every client, by what they mean: `x-roles`.
        general_defaults: What is sent where the caller says nothing, whichever the model: of no parameter but the model itself.
        options: The names of the parameters that may be left out, images and what the method says aside.
        pointer: Where its schema stands in the document.
    """

    def __init__(self, operation: str, pointer: str) -> None:
        self.operation, self.pointer = operation, pointer
        self.properties = {name: merged(schema) for name, schema in at(pointer)["properties"].items()}
        self.files = tuple(name for name, schema in self.properties.items() if "x-image" in schema)
        self.references = {rule["x-reference-of"]: name for name, rule in self.properties.items() if "x-reference-of" in rule}
        roles: Mapping[str, str] = document()["components"]["x-roles"]
        self.roles = {role: name for role, name in roles.items() if name in self.properties}
        self.required: Sequence[str] = at(pointer).get("required", ())
        taken = {*self.required, *self.files, *self.references.values(), self.roles.get("stream")}
        self.options = frozenset(self.properties.keys() - taken)
        self.general_defaults = {name: schema["default"] for name, schema in self.properties.items() if "default" in schema}
        self._rank = {name: index for index, name in enumerate(self.properties)}

    def defaults(self, model: object) -> Mapping[str, object]:
        """Return what the contract documents for a model, to be sent where the caller says nothing."""
        if "model" not in self.roles or not isinstance(model, str) or not model.isprintable():
            return {}
        return _defaults(self.pointer, self.roles["model"], model)

    def lacks(self, model: object, name: str, value: object) -> bool:
        """Return whether a model has no such parameter, or not this choice of it; for None, whether no known model has."""
        role = self.roles.get("model", "")
        request = {} if model is None else {role: model}
        held = (branch for branch in branches(self.pointer) if branch.tested == (role,) and branch.holds(request))
        return any(name in each.lacking or value not in (choices(each.rules.get(name, {})) or [value]) for each in held)

    @property
    def known_models(self) -> Mapping[str, Mapping[str, str]]:
        """Return the models that are known: the `date` on which one ends or ended, and its `successor`, where it has an end."""
        models = at(MODELS)
        return {model: models["x-retired"].get(model, {}) for model in models["enum"]}

    def meant(self, model: str) -> str | None:
        """Return the known model that one stands for which is misspelt; None where it may well be right."""
        from difflib import get_close_matches

        known = self.known_models
        words = set(re.findall("[a-z]+", " ".join(known)))
        strange = [word for word in re.findall("[a-z]+", model.lower()) if word not in words]
        # A new version or snapshot of a family is made of its words.
        if model in known or (families(model) and not any(get_close_matches(word, words, cutoff=_CLOSE) for word in strange)):
            return None
        return next(iter(get_close_matches(model.lower(), known, n=1, cutoff=_CLOSE)), None)

    def is_list(self, name: str, count: int) -> bool:
        """Return whether so many images go as a list: a single one goes alone where it may."""
        return count != 1 or self.properties.get(name, {}).get("type") == "array"

    def type_fault(self, name: str, value: object) -> str | None:
        """Say which types a parameter may have, where a value has none of them."""
        errors = _validator(f"{self.pointer}/properties/{name}").iter_errors(self._plain(name, value)[0])
        rules = [rule for rule in map(innermost, errors) if rule.kind.name == "type" and not rule.instance_path]
        return why(rules[0]) if rules else None

    def check(self, fields: Mapping[str, object], images: Mapping[str, Sequence[ImageFacts]]) -> list[Violation]:
        """Return every parameter that breaks a rule, in the contract's order.

        Args:
            fields: All parameters but the images, as they go on the wire.
            images: The facts of the uploads, by parameter.
        """
        found: dict[str, Violation] = {}
        request: Schema = {}
        for name, value in fields.items():
            request[name], fault = self._plain(name, value)
            if fault:
                found[name] = Violation(name, value, fault, "type")
        request |= {name: [""] * len(each) if self.is_list(name, len(each)) else "" for name, each in images.items()}
        given = {**fields, **{name: uploads[0] if len(uploads) == 1 else uploads for name, uploads in images.items()}}
        for name in given.keys() - self.properties.keys():
            remedy = did_you_mean(name, self.properties) or "extra_body passes on what the contract doesn't know"
            found[name] = Violation(name, given[name], f"is no parameter of {self.operation} ({remedy})", "unknown")
        # A branch's rule comes after the general one, and is the one to name.
        for broken in _validator(self.pointer).iter_errors(request):
            rule = innermost(broken)
            missing = [rule.kind.value] if rule.kind.name == "required" else []
            name = ".".join(map(str, [*rule.instance_path, *missing]))
            branch = [each for each in branches(self.pointer) if each.way == broken.evaluation_path[: len(each.way)]][-1]
            value = given.get(name, None if missing else rule.instance)
            text = why(rule) + branch.scope(request) + hint(self.properties.get(name, {}), value)
            found[name] = Violation(name, value, text, rule.kind.name)
        measured = [each for each in self._measured(request, images) if each.parameter not in found]
        rank = self._rank
        return sorted([*found.values(), *measured], key=lambda each: rank.get(re.split(r"[.[]", each.parameter)[0], len(rank)))

    def _plain(self, name: str, value: object) -> tuple[object, str]:
        """Return a value in the types that jsonschema-rs knows, and why it can't be sent where it can't."""
        if isinstance(value, float) and value.is_integer() and "integer" in self.properties.get(name, {}).get("type", ()):
            return str(value), ""  # JSON Schema takes 3.0 for a whole number; a form's reader doesn't
        try:
            if type(value) in _PLAIN:
                str(value).encode()  # a lone surrogate can't be
                return value, ""
            return decode_json(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()), ""
        except (TypeError, ValueError, RecursionError) as error:
            # What is of no type that a parameter has, so that the rules speak for themselves.
            return "?" if isinstance(value, str) else {}, f"can't be sent ({error})"

    def _measured(self, request: Schema, images: Mapping[str, Sequence[ImageFacts]]) -> Iterator[Violation]:
        """Yield what breaks `x-sides` and `x-image`: in Python, for in a callback of Rust an interrupt would get lost."""
        limits: dict[str, dict[str, tuple[Any, Branch]]] = {name: {"bytesAbove": (0, Branch([]))} for name in images}
        for branch, values in (*_said(self.pointer, "x-image"), *_said(self.pointer, "x-sides")):
            for name in values.keys() & request.keys():
                if branch.holds(request):
                    limits.setdefault(name, {}).update({rule: (limit, branch) for rule, limit in values[name].items()})
        for name, rules in limits.items():
            several = images[name] if name in images else sized(request[name])
            for index, facts in enumerate(several):
                parameter = name if len(several) == 1 else f"{name}[{index}]"
                value, keyword = (facts, "x-image") if name in images else (request[name], "x-sides")
                for rule, (limit, branch) in rules.items():
                    other = next(iter(images.get(str(limit), ())), facts)
                    if fault := image_fault(rule, limit, facts, other):
                        yield Violation(parameter, value, fault + branch.scope(request), keyword)


@cache
def _validator(pointer: str) -> jsonschema_rs.Draft202012Validator:
    """Return what checks against the schema that a JSON pointer names."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator({"$ref": f"{_URI}{pointer}"}, registry=_registry())


@cache
def _registry() -> jsonschema_rs.Registry:
    import jsonschema_rs

    return jsonschema_rs.Registry([(_URI, document())], draft=jsonschema_rs.Draft202012)


@lru_cache(maxsize=64)
def _defaults(pointer: str, role: str, model: str) -> Mapping[str, object]:
    """Return a model's defaults; of a client's many calls, most are for the same model."""
    held = (values for branch, values in _said(pointer, "default") if branch.ifs and branch.holds({role: model}))
    return {name: default for values in held for name, default in values.items()}


@cache
def branches(pointer: str) -> list[Branch]:
    """Return the schema that a JSON pointer names, and after it all that it adds for some requests."""
    return list(_walk(pointer, Branch(["$ref"])))


@cache
def _said(pointer: str, keyword: str) -> list[tuple[Branch, Mapping[str, Any]]]:
    """Return what a keyword says of parameters, by the branches that use it."""
    found = [(each, {name: rule[keyword] for name, rule in each.rules.items() if keyword in rule}) for each in branches(pointer)]
    return [(branch, values) for branch, values in found if values]


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
        if tested := looked_at(merged(schema["if"])):
            below = below._replace(tested=tested, reason=schema.get("description", ""))
        yield from _walk(f"{pointer}/{keyword}", below)


def looked_at(condition: Schema) -> tuple[str, ...]:
    """Return the names of the parameters that an `if` looks at."""
    parts = [condition.get("not"), *(part for word in ("allOf", "anyOf", "oneOf") for part in condition.get(word, ()))]
    own = [*condition.get("properties", {}), *condition.get("required", ())]
    return tuple(dict.fromkeys([*own, *(name for part in filter(None, parts) for name in looked_at(merged(part)))]))
