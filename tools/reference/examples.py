"""A call of each operation that runs: its required arguments are made up from what the contract says of them."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from images_api._contract.document import MODELS, at
from images_api._contract.operations import Operation
from images_api.cli._facts import Facts, Use, model_role, use
from images_api.cli._families import known_models
from images_api.cli._operations import parameters, roles
from tools.generator.methods import Method
from tools.reference.dialects import answering

_TEXT = "a baby sea otter"
_FEW = 2
_IMAGE = "#/components/schemas/Image"
# A server of one's own, for what no model on the official host takes for long.
_HOST = "gpu-box:8080"


class _File(NamedTuple):
    """An image that the examples find beside them."""

    name: str
    type: str
    side: int
    bytes: int
    """A size that it doesn't exceed."""
    alpha: bool


_FILES = (
    _File("otter.png", "image/png", side=1024, bytes=1 << 24, alpha=False),
    _File("square.png", "image/png", side=512, bytes=(1 << 22) - 1, alpha=True),
    _File("mask.png", "image/png", side=1024, bytes=(1 << 22) - 1, alpha=True),
    _File("photo.jpg", "image/jpeg", side=1024, bytes=1 << 24, alpha=False),
    _File("hat.webp", "image/webp", side=1024, bytes=1 << 24, alpha=False),
)


class Example(NamedTuple):
    """A call, in Python.

    Attributes:
        client: What a client is made with.
        arguments: The arguments of the call.
        stream_arguments: Those of the call that streams; it asks for unfinished images where the model shows some.
        host: The server that the tests put in place of one's own, with its dialect; empty where the official one is called.
    """

    client: str
    arguments: str
    stream_arguments: str
    host: str


def example(method: Method, operation: Operation) -> Example:
    """Return a call of an operation, with a model that stays where one takes it; else, of a server of one's own.

    Args:
        method: The operation as the generator knows it.
        operation: The operation as the facade knows it.
    """
    role = model_role()
    default = parameters(operation).get(role, {}).get("default")
    takers = [model for model in known_models() if role in parameters(operation) and use(operation, model).bodies]
    lasting = [model for model in takers if model not in at(MODELS).get("x-retired", {})]
    host = next(answering(operation.id), "") if takers and not lasting else ""
    model = default if host or default in lasting else next(iter(lasting), default)
    taken = use(operation, model or "")
    arguments = [*_arguments(method, taken), *([f"{role}={_source(model)}"] if model != default else [])]
    arguments += _form(method, taken) if host else []
    return Example(
        client=f'base_url="http://{_HOST}/v1"' if host else "",
        arguments=", ".join(arguments),
        stream_arguments=", ".join([*arguments, *_partial_images(method, taken)]),
        host=f"{_HOST} dialect: {host}" if host else "",
    )


def _arguments(method: Method, taken: Use) -> list[str]:
    """Return the required arguments, those that are given by position first."""
    files: dict[str, _File] = {}
    arguments: list[str] = []
    for parameter in [*method.arguments, *method.keywords]:
        facts = taken.parameters.get(parameter.name)
        if not parameter.required or not facts:
            continue
        if parameter.is_file:
            files[parameter.name] = _file(facts, files)
        value = _source(files[parameter.name].name if parameter.is_file else _value(facts))
        arguments.append(value if parameter in method.arguments else f"{parameter.python_name}={value}")
    return arguments


def _form(method: Method, taken: Use) -> list[str]:
    """Return the argument that asks for the images themselves: links of a server of one's own may lead nowhere."""
    forms = at(f"{_IMAGE}/properties")
    choices = {each.python_name: taken.parameters[each.name].choices for each in method.keywords if each.name in taken.parameters}
    return [f"{name}={_source(form)}" for name, known in choices.items() for form in [*filter(known.__contains__, forms)][:1]]


def _partial_images(method: Method, taken: Use) -> list[str]:
    """Return the argument that asks a stream for unfinished images, if there is one."""
    name = roles().get("partials", "")
    facts = taken.parameters.get(name) if taken.streams else None
    names = [each.python_name for each in method.keywords if each.name == name]
    return [f"{each}={min(_FEW, facts.bounds.get('maximum', _FEW))}" for each in names] if facts else []


def _file(facts: Facts, others: Mapping[str, _File]) -> _File:
    """Return an image that keeps the rules for one."""
    rules = facts.image
    same = others.get(rules.get("sameSizeAs", ""))
    fitting = (
        file
        for file in _FILES
        if file.type in rules.get("types", (file.type,))
        and file.bytes < rules.get("bytesBelow", 1 << 30)
        and file.alpha >= rules.get("alpha", False)
        and (same is None or file.side == same.side)
    )
    return next(fitting, _FILES[0])


def _value(facts: Facts) -> Any:
    """Return a value that keeps the rules for it."""
    if facts.default is not None or facts.choices:
        return facts.choices[0] if facts.default is None else facts.default
    bounds, kind = facts.bounds, next(iter(facts.types), "string")
    if kind in {"integer", "number"}:
        least = bounds.get("minimum", bounds.get("exclusiveMinimum", 0) + 1)
        return min(max(least, bounds.get("multipleOf", 1)), bounds.get("maximum", least))
    if kind == "object":
        return {name: _value(field) for name, field in facts.fields.items() if field.required}
    text = _TEXT.ljust(int(bounds.get("minLength", 0)), ".")[: int(bounds.get("maxLength", 1 << 10))]
    return {"boolean": True, "array": [_TEXT] * int(bounds.get("minItems", 1)), "null": None}.get(kind, text)


def _source(value: Any) -> str:
    """Return a value as Python that is written with double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
