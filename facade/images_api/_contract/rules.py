"""The contract at run time: what a request may hold, by operation and model, as `openapi.json` says.

Nothing of it is repeated here. JSON Schema does the checks, compiled by jsonschema-rs when an operation is first used;
what JSON Schema can't say (`x-image`, `image-size` and `x-sides`, see the head of openapi.yaml) is checked here.
"""

from __future__ import annotations

import json
import re
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from images_api._errors import unless_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import jsonschema_rs

    from images_api._requests.uploads import Picture

Schema = dict[str, Any]

_URI = "urn:images-api"
_SIZE = re.compile(r"auto|([1-9][0-9]*)x([1-9][0-9]*)")
_WORDS = {
    "maximum": "must be at most {}",
    "minimum": "must be at least {}",
    "maxLength": "must have at most {} characters",
    "minLength": "must have at least {} character(s)",
    "maxItems": "must be at most {} pictures",
    "minItems": "must be at least {} picture(s)",
    "format": "must be auto or WIDTHxHEIGHT",
}
_TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "boolean": "True or False",
    "object": "a mapping",
    "array": "a list",
}


class Violation(NamedTuple):
    """A rule that a request breaks: with which parameter and value, why in words, and the rule's keyword."""

    parameter: str
    value: object
    why: str
    rule: str


class _Branch(NamedTuple):
    """A part of the contract that applies to a request, and the innermost condition under which it does."""

    schema: Schema
    condition: Schema | None


@cache
def document() -> Schema:
    """Return the contract, `openapi.json`, as it travels with the generated client."""
    from pkgutil import get_data

    return cast("Schema", json.loads(get_data("images_api_client", "openapi.json") or b""))


def official_url() -> str:
    """Return the base URL of the official host."""
    return cast("str", document()["servers"][0]["url"])


@cache
def option_names() -> frozenset[str]:
    """Return the names of the options of all operations: what no request requires and none takes as a picture."""
    requests = [schema for name, schema in document()["components"]["schemas"].items() if name.endswith("Request")]
    names = {name for schema in requests for name in schema["properties"]}
    required = {name for schema in requests for name in schema.get("required", ())}
    pictures = {name for schema in requests for name, part in schema["properties"].items() if "x-image" in part}
    return frozenset(names - required - pictures - {"stream"})  # which the method says


@cache
def event_models() -> Mapping[str, Schema]:
    """Return the properties of each type of stream event, by the type's name."""
    mapping = document()["components"]["schemas"]["ImageStreamEvent"]["discriminator"]["mapping"]
    return {name: _at(pointer)["properties"] for name, pointer in mapping.items()}


def retired(model: object) -> Mapping[str, str] | None:
    """Return the `date` on which a model was retired and its `successor`; None for one that lives or isn't known."""
    known: Mapping[str, Mapping[str, str]] = document()["components"]["schemas"]["ImageModel"]["x-retired"]
    return known.get(model) if isinstance(model, str) else None


@cache
def request_contract(operation: str, media_type: str) -> RequestContract:
    """Return the rules for one kind of request.

    Args:
        operation: The operation's id, such as `createImage`.
        media_type: The body's media type, `application/json` or `multipart/form-data`.

    Raises:
        KeyError: The contract has no such operation, or no such body for it.
    """
    # A path also holds what is no operation, and an operation may have no body.
    definitions = (part for path in document()["paths"].values() for part in path.values() if "requestBody" in part)
    bodies = {definition["operationId"]: definition["requestBody"]["content"] for definition in definitions}
    return RequestContract(operation, bodies[operation][media_type]["schema"]["$ref"])


class RequestContract:
    """The rules for one kind of request.

    Attributes:
        operation: The operation's id.
        properties: The schema of each parameter by name, in the contract's order.
        files: The names of the parameters that are pictures.
    """

    def __init__(self, operation: str, pointer: str) -> None:
        self.operation = operation
        self._pointer = pointer
        self.properties = {name: _merged(schema) for name, schema in _at(pointer)["properties"].items()}
        self.files = tuple(name for name, schema in self.properties.items() if "x-image" in schema)
        self._defaults: dict[str, dict[str, object]] = {}

    @property
    def default_model(self) -> str:
        """Return the model that is used where none is named."""
        return cast("str", self.properties["model"]["default"])

    def defaults(self, model: object) -> Mapping[str, object]:
        """Return what the contract documents for a model, to be sent where the caller says nothing."""
        if not isinstance(model, str) or not model.isprintable():
            return {}
        if model not in self._defaults:
            self._defaults[model] = {
                name: rules["default"]
                for branch in _branches(self._pointer, {"model": model})
                if branch.condition is not None
                for name, rules in branch.schema.get("properties", {}).items()
                if rules and "default" in rules
            }
        return self._defaults[model]

    def check(self, fields: Mapping[str, object], pictures: Mapping[str, Sequence[Picture]]) -> list[Violation]:
        """Return every parameter that breaks a rule, in the contract's order.

        Args:
            fields: All parameters but the pictures, as they go on the wire.
            pictures: The facts of the uploads, by parameter.
        """
        instance = dict(fields)
        for name, uploads in pictures.items():
            instance[name] = "" if len(uploads) == 1 else ["" for _ in uploads]
        found = {name: self._unknown(name, value) for name, value in instance.items() if name not in self.properties}
        plain: Schema = {}
        unsendable: dict[str, Violation] = {}
        for name, value in instance.items():
            try:
                plain[name] = self._plain(name, value)
            except (TypeError, ValueError) as error:
                plain[name] = {}  # of no type that a parameter has, so that the rules speak for themselves
                unsendable[name] = Violation(name, value, f"can't be sent ({error})", "type")
        if not (found or unsendable or pictures) and self._validator.is_valid(plain):
            return []
        # A branch's rule comes after the general one, and is the one to name.
        for broken in self._validator.iter_errors(plain):
            violation = _violation(self._pointer, plain, _innermost(broken))
            name = violation.parameter
            given = pictures[name][0] if len(pictures.get(name, ())) == 1 else pictures.get(name, violation.value)
            found[name] = violation._replace(value=fields.get(name, given))
        # Of a text, that it can't be encoded says more than a rule that it doesn't reach.
        found |= {name: each for name, each in unsendable.items() if name not in found or isinstance(each.value, str)}
        wrong = [violation for violation in self._picture_violations(plain, pictures) if violation.parameter not in found]
        places = {name: place for place, name in enumerate(self.properties)}
        return sorted(
            [*found.values(), *wrong],
            key=lambda violation: places.get(re.split(r"[.[]", violation.parameter)[0], len(places)),
        )

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return _compiled(self._pointer)

    def _unknown(self, name: str, value: object) -> Violation:
        from difflib import get_close_matches

        near = get_close_matches(name, self.properties, n=1)
        hint = f"did you mean {near[0]}?" if near else "extra_body passes on what the contract doesn't know"
        return Violation(name, unless_secret(name, value), f"is no parameter of {self.operation} ({hint})", "unknown")

    def _plain(self, name: str, value: object) -> object:
        """Return a value in the types that jsonschema-rs knows, or raise TypeError or ValueError."""
        if isinstance(value, float) and value.is_integer() and "integer" in self.properties.get(name, {}).get("type", ()):
            return str(value)  # JSON Schema takes 3.0 for a whole number; a form's reader doesn't
        if type(value) in {str, int, bool, float, type(None)}:
            if isinstance(value, str):
                value.encode()  # a lone surrogate can't be
            return value
        return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())

    def _picture_violations(self, instance: Schema, pictures: Mapping[str, Sequence[Picture]]) -> Iterator[Violation]:
        rules: dict[str, dict[str, tuple[Any, str]]] = {name: {} for name in pictures}
        for branch in _branches(self._pointer, instance) if rules else ():
            properties = branch.schema.get("properties", {})
            for name in rules.keys() & properties.keys():
                scope = _scope(branch.condition, instance)
                for rule, limit in (_merged(properties[name]) if properties[name] else {}).get("x-image", {}).items():
                    rules[name][rule] = limit, scope
        for name, uploads in pictures.items():
            for place, picture in enumerate(uploads):
                parameter = name if len(uploads) == 1 else f"{name}[{place}]"
                for why in _picture_faults(picture, rules[name], pictures):
                    yield Violation(parameter, picture, why, "x-image")


def _picture_faults(
    picture: Picture, rules: Mapping[str, tuple[Any, str]], pictures: Mapping[str, Sequence[Picture]]
) -> Iterator[str]:
    if picture.size == 0:
        yield "must not be empty"
    for rule, (limit, scope) in rules.items():
        match rule:
            case "types" if picture.type not in limit or picture.width is None:  # a type that was only said is no picture
                yield f"must be {_alternatives([name.partition('/')[2] for name in limit])}{scope}"
            case "bytesBelow" if picture.size >= limit:
                yield f"must be smaller than {limit >> 20} MB ({limit} bytes){scope}"
            case "square" if picture.width != picture.height:
                yield f"must be square{scope}"
            case "alpha" if picture.alpha is False:
                yield f"must have an alpha channel{scope}"
            case "sameSizeAs" if (first := next(iter(pictures.get(limit, ())), None)) and first.width:
                if (picture.width, picture.height) != (first.width, first.height):
                    yield f"must have the width and height of {limit}, {first.width}x{first.height}{scope}"
            case _:
                pass


def _at(pointer: str) -> Schema:
    """Return the part of the document that a JSON pointer names; no name in it needs escaping."""
    part: Any = document()
    for step in pointer.removeprefix("#/").split("/"):
        part = part[int(step) if isinstance(part, list) else step]
    return cast("Schema", part)


def _merged(schema: Schema) -> Schema:
    """Return a schema with what its `$ref` stands for."""
    return _merged(_at(schema["$ref"])) | schema if "$ref" in schema else schema


def _compiled(pointer: str) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{_URI}{pointer}"},
        registry=_registry(),
        validate_formats=True,
        formats={"image-size": lambda text: _SIZE.fullmatch(text) is not None},
        keywords=cast("Any", {"x-sides": _Sides}),
    )


_condition = cache(_compiled)


@cache
def _registry() -> jsonschema_rs.Registry:
    import jsonschema_rs

    return jsonschema_rs.Registry([(_URI, document())], draft=jsonschema_rs.Draft202012)


class _Sides:
    """The keyword `x-sides`: bounds for the width and height that a size text names."""

    def __init__(self, _parent_schema: Schema, value: Schema, _schema_path: list[str | int]) -> None:
        self._limits = value

    def validate(self, instance: object) -> None:
        match = _SIZE.fullmatch(instance) if isinstance(instance, str) else None
        if match is None or match[1] is None:
            return  # `auto`, or a fault that the format reports
        width, height = int(match[1]), int(match[2])
        step, side, pixels, ratio = (self._limits[name] for name in ("multipleOf", "maximum", "maximumPixels", "maximumRatio"))
        faults = []
        if width % step or height % step:
            faults.append(f"sides that are multiples of {step}")
        if max(width, height) > side:
            faults.append(f"no side above {side}")
        if width * height > pixels:
            faults.append(f"at most {pixels} pixels")
        if max(width, height) > ratio * min(width, height):
            faults.append(f"a ratio of at most {ratio}:1")
        if faults:
            raise ValueError("must have " + " and ".join(faults))


def _branches(pointer: str, instance: Schema, condition: Schema | None = None) -> Iterator[_Branch]:
    """Yield the schema at a pointer with everything that it adds for this very request."""
    schema = _at(pointer)
    yield _Branch(schema, condition)
    if "$ref" in schema:
        yield from _branches(schema["$ref"], instance, condition)
    for place in range(len(schema.get("allOf", ()))):
        yield from _branches(f"{pointer}/allOf/{place}", instance, condition)
    if "if" in schema:
        branch = "then" if _condition(f"{pointer}/if").is_valid(instance) else "else"
        if branch in schema:
            yield from _branches(f"{pointer}/{branch}", instance, schema if _tested(schema["if"]) else condition)


def _violation(pointer: str, instance: Schema, error: jsonschema_rs.ValidationError) -> Violation:
    kind = cast("Any", error.kind)
    keyword: str = kind.name
    path = [str(step) for step in error.instance_path]
    scope = _scope(_condition_of(pointer, error), instance if len(path) == 1 else None)
    match keyword:
        case "required":
            return Violation(".".join([*path, kind.property]), None, f"is required{scope}", keyword)
        case "falseSchema":
            why = "is not supported"
        case "enum":
            why = f"must be {_alternatives([str(choice) for choice in kind.value if choice is not None])}"
        case "type" if isinstance(error.instance, list):
            why = "must be one, not several"
        case "type":
            why = f"must be {_alternatives([_TYPE_WORDS[name] for name in _types(error) if name != 'null'])}"
        case "not":
            why = f"must not be {kind.value['const']}"
        case _:
            why = _WORDS[keyword].format(kind.value) if keyword in _WORDS else error.message
    return Violation(".".join(path), error.instance, why + scope, keyword)


def _innermost(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Return what is really wrong where none of several alternatives fits."""
    if error.kind.name != "anyOf":
        return error
    errors = [branch[0] for branch in cast("Any", error.kind).context]
    wrong_type = [each for each in errors if each.kind.name == "type" and each.instance_path == error.instance_path]
    others = [each for each in errors if each not in wrong_type]
    wanted = [each for each in wrong_type if _types(each) != ["null"]]
    if wanted and not isinstance(error.instance, str):
        others = [each for each in others if each.kind.name != "enum"] or wanted
    return _innermost((others or wanted or errors)[-1])


def _types(error: jsonschema_rs.ValidationError) -> list[str]:
    types = cast("Any", error.kind).types
    return list(types) if isinstance(types, list) else [types]


def _condition_of(pointer: str, error: jsonschema_rs.ValidationError) -> Schema | None:
    """Return the innermost condition on the way to a broken rule."""
    # A keyword of our own gives its place in the document instead of the way from the request's schema.
    own = error.evaluation_path[0] == "components"
    schema: Any = document() if own else {"$ref": pointer}
    condition = None
    for step in error.evaluation_path:
        if step in {"then", "else"} and _tested(schema["if"]):
            condition = schema
        schema = _at(schema["$ref"]) if step == "$ref" else schema[step]
    return condition


def _tested(condition: Schema) -> list[str]:
    """Return the names of the parameters that an `if` looks at."""
    names = [*condition.get("properties", {}), *condition.get("required", ())]
    return list(dict.fromkeys([*names, *_tested(condition["not"])] if "not" in condition else names))


def _scope(condition: Schema | None, instance: Schema | None) -> str:
    """Say for which requests a rule holds, and the contract's reason for it; the latter alone for a nested condition."""
    if condition is None:
        return ""
    words = [""]
    for name in _tested(condition["if"]):
        if instance is None:
            break
        value = instance.get(name)
        if name == "model":
            words.append(f"for {value}")
        elif value is None or value is False:
            words.append(f"without {name}")
        else:
            words.append(f"with {name} {value}".rstrip())
    reason = f" ({condition['description']})" if "description" in condition else ""
    return " ".join(words) + reason


def _alternatives(names: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
