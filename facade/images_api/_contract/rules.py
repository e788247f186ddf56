"""What one kind of request body may hold, by model: its parameters, their defaults, and the checks.

JSON Schema does the checks, compiled by jsonschema-rs when an operation is first used; what JSON Schema can't say (`x-image`,
`image-size` and `x-sides`, see the head of openapi.yaml) is checked here.
"""

from __future__ import annotations

import json
import re
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from images_api._secrets.concealed import unless_secret

from .document import at, document, families, merged
from .wording import SIZE, did_you_mean, hint, image_faults, innermost, is_of_size, scope_of, side_fault, tested, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import jsonschema_rs

    from images_api._images.headers import ImageFacts

    from .document import Schema

_URI = "urn:images-api"
# Of two ids or words, how alike they must be that one may be the other, misspelt.
_CLOSE = 0.75


class Violation(NamedTuple):
    """A rule that a request breaks: with which parameter and value, why in words, and the rule's keyword."""

    parameter: str
    value: object
    why: str
    rule: str


class RequestContract:
    """The rules for one kind of request body.

    Attributes:
        operation: The operation's id.
        properties: The schema of each parameter by name, in the contract's order.
        files: The names of the parameters that are images.
        references: The names of the parameters that hold images by reference, by the name of the one that holds them as files.
        roles: The names of the parameters that mean something to every client, by what they mean: `x-roles`.
        general_defaults: What is sent where the caller says nothing, whichever the model: of no parameter but the model itself.
        options: The names of the parameters that may be left out, images and what the method says aside.
    """

    def __init__(self, operation: str, pointer: str) -> None:
        self.operation = operation
        self._pointer = pointer
        self.properties = {name: merged(schema) for name, schema in at(pointer)["properties"].items()}
        self.files = tuple(name for name, schema in self.properties.items() if "x-image" in schema)
        self.references = {
            schema["x-reference-of"]: name for name, schema in self.properties.items() if "x-reference-of" in schema
        }
        roles: Mapping[str, str] = document()["components"]["x-roles"]
        self.roles = {role: name for role, name in roles.items() if name in self.properties}
        taken = {*at(pointer).get("required", ()), *self.files, *self.references.values(), self.roles.get("stream")}
        self.options = frozenset(self.properties.keys() - taken)
        self.general_defaults = {name: schema["default"] for name, schema in self.properties.items() if "default" in schema}
        self._defaults: dict[object, dict[str, object]] = {}

    def defaults(self, model: object) -> Mapping[str, object]:
        """Return what the contract documents for a model, to be sent where the caller says nothing."""
        if "model" not in self.roles or not isinstance(model, str) or not model.isprintable():
            return {}
        if model not in self._defaults:
            self._defaults[model] = {
                name: rules["default"]
                for schema, condition in _branches(self._pointer, {self.roles["model"]: model})
                if condition is not None
                for name, rules in schema.get("properties", {}).items()
                if rules and "default" in rules
            }
        return self._defaults[model]

    def lacks(self, model: object, name: str, value: object) -> bool:
        """Return whether a model has no such parameter, or not this choice of it; for None, whether no known model has."""
        role = self.roles.get("model", "")
        for schema, condition in _branches(self._pointer, {} if model is None else {role: model}):
            rule = schema.get("properties", {}).get(name, True) if condition and tested(condition["if"]) == [role] else True
            parts = [rule, *rule.get("anyOf", ())] if isinstance(rule, dict) else []
            choices = [each for part in map(merged, parts) for each in part.get("enum", ())]
            if rule is False or (choices and value not in choices):
                return True
        return False

    @property
    def known_models(self) -> Mapping[str, Mapping[str, str]]:
        """Return the models that are known: the `date` on which one ends or ended, and its `successor`, where it has an end."""
        listed = [merged(choice) for choice in self.properties.get(self.roles.get("model", ""), {}).get("anyOf", ())]
        return {model: each.get("x-retired", {}).get(model, {}) for each in listed for model in each.get("enum", ())}

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

    def check(self, fields: Mapping[str, object], images: Mapping[str, Sequence[ImageFacts]]) -> list[Violation]:
        """Return every parameter that breaks a rule, in the contract's order.

        Args:
            fields: All parameters but the images, as they go on the wire.
            images: The facts of the uploads, by parameter.
        """
        instance = dict(fields)
        for name, uploads in images.items():
            instance[name] = ["" for _ in uploads] if self.is_list(name, len(uploads)) else ""
        found = {name: self._unknown(name, value) for name, value in instance.items() if name not in self.properties}
        plain: Schema = {}
        unsendable: dict[str, Violation] = {}
        for name, value in instance.items():
            try:
                plain[name] = self._plain(name, value)
            except (TypeError, ValueError, RecursionError) as error:
                plain[name] = {}  # of no type that a parameter has, so that the rules speak for themselves
                unsendable[name] = Violation(name, value, f"can't be sent ({error})", "type")
        sized = any(isinstance(value, str) and SIZE.fullmatch(value) for value in plain.values())
        if not (found or unsendable or images or sized) and self._validator.is_valid(plain):
            return []
        # A branch's rule comes after the general one, and is the one to name.
        for broken in self._validator.iter_errors(plain):
            rule = innermost(broken)
            name, text = why(rule, self._pointer, plain)
            value = None if rule.kind.name == "required" else rule.instance
            given = fields.get(name, images[name][0] if len(images.get(name, ())) == 1 else images.get(name, value))
            keyword = "format" if is_of_size(rule) else rule.kind.name
            found[name] = Violation(name, given, text + hint(self.properties.get(name, {}), given), keyword)
        # Of a text, that it can't be encoded says more than a rule that it doesn't reach.
        found |= {name: each for name, each in unsendable.items() if name not in found or isinstance(each.value, str)}
        extended = self._extended_violations(plain, images)
        wrong = [violation for violation in extended if violation.parameter not in found]
        order = {name: index for index, name in enumerate(self.properties)}
        return sorted([*found.values(), *wrong], key=lambda each: order.get(re.split(r"[.[]", each.parameter)[0], len(order)))

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return _compiled(self._pointer)

    def _unknown(self, name: str, value: object) -> Violation:
        remedy = did_you_mean(name, self.properties) or "extra_body passes on what the contract doesn't know"
        return Violation(name, unless_secret(name, value), f"is no parameter of {self.operation} ({remedy})", "unknown")

    def _plain(self, name: str, value: object) -> object:
        """Return a value in the types that jsonschema-rs knows, or raise TypeError or ValueError."""
        if isinstance(value, float) and value.is_integer() and "integer" in self.properties.get(name, {}).get("type", ()):
            return str(value)  # JSON Schema takes 3.0 for a whole number; a form's reader doesn't
        if type(value) in {str, int, bool, float, type(None)}:
            if isinstance(value, str):
                value.encode()  # a lone surrogate can't be
            return value
        return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())

    def _extended_violations(self, instance: Schema, images: Mapping[str, Sequence[ImageFacts]]) -> Iterator[Violation]:
        """Yield what breaks `x-sides` and `x-image`: in Python, for in a callback of Rust an interrupt would get lost."""
        rules: dict[str, dict[str, tuple[Any, str]]] = {name: {} for name in images}
        for schema, condition in _branches(self._pointer, instance):
            properties = schema.get("properties", {})
            for name in instance.keys() & properties.keys():
                bounds = merged(properties[name]) if properties[name] else {}
                for rule, limit in bounds.get("x-image", {}).items() if name in rules else ():
                    rules[name][rule] = limit, scope_of(condition, instance)
                if fault := side_fault(bounds.get("x-sides"), instance[name]):
                    yield Violation(name, instance[name], fault + scope_of(condition, instance), "x-sides")
        for name, uploads in images.items():
            for index, facts in enumerate(uploads):
                parameter = name if len(uploads) == 1 else f"{name}[{index}]"
                for text in image_faults(facts, rules[name], images):
                    yield Violation(parameter, facts, text, "x-image")


def _compiled(pointer: str) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator({"$ref": f"{_URI}{pointer}"}, registry=_registry())


_condition = cache(_compiled)


@cache
def _registry() -> jsonschema_rs.Registry:
    import jsonschema_rs

    return jsonschema_rs.Registry([(_URI, _with_patterns(document()))], draft=jsonschema_rs.Draft202012)


def _with_patterns(part: Any) -> Any:
    """Return a part of the contract in which the format of sizes is a pattern, too, which any validator knows."""
    if isinstance(part, list):
        return [_with_patterns(each) for each in part]
    if not isinstance(part, dict):
        return part
    pattern = {"pattern": SIZE.pattern} if part.get("format") == "image-size" else {}
    return {name: _with_patterns(each) for name, each in part.items()} | pattern


def _branches(pointer: str, instance: Schema, condition: Schema | None = None) -> Iterator[tuple[Schema, Schema | None]]:
    """Yield the schema at a pointer and all that it adds for this very request, each with the innermost condition for that."""
    schema = at(pointer)
    yield schema, condition
    if "$ref" in schema:
        yield from _branches(schema["$ref"], instance, condition)
    for index in range(len(schema.get("allOf", ()))):
        yield from _branches(f"{pointer}/allOf/{index}", instance, condition)
    if "if" in schema:
        branch = "then" if _condition(f"{pointer}/if").is_valid(instance) else "else"
        if branch in schema:
            yield from _branches(f"{pointer}/{branch}", instance, schema if tested(schema["if"]) else condition)
