"""Write the class whose methods are the operations, and the table of what makes their requests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openapi_python_client.config import Config
from openapi_python_client.parser.properties import Class
from openapi_python_client.strings import PythonIdentifier

from tools.generator.attributes import attribute_names
from tools.generator.call_words import CALL_WORDS
from tools.generator.descriptions import Descriptions
from tools.generator.document import Operation
from tools.generator.methods import Body, Method, Parameter
from tools.generator.model_rules import ModelRules
from tools.generator.python_types import PythonTypes
from tools.generator.rendering import render
from tools.generator.texts import docstring, wrapped

_INDENT = " " * 8
_HANGING = " " * 4
_IMAGE = "ImageInput"
_RAISES = {
    "InvalidRequestError": "An argument breaks a rule; nothing was sent.",
    "UnreadableFileError": "A file is missing or can't be read; likewise.",
    "APIConnectionError": "There was no whole answer; `may_have_run` says whether it may be billed.",
    "APIStatusError": "The server refused or failed.",
    "ResponseError": "The response can't be understood; its bytes are on the error.",
}
_STREAM_RAISES = {
    "InvalidRequestError": "An argument breaks a rule; nothing was sent. As the errors below, on entering.",
    "UnreadableFileError": "A file is missing or can't be read; likewise.",
    "APIConnectionError": "There was no answer; `may_have_run` says whether it may be billed.",
    "APIStatusError": "The server refused or failed, at once or while it streamed.",
    "StreamInterruptedError": "The stream ended before the finished image; the unfinished ones are on the error.",
    "ResponseError": "The response can't be understood; its bytes are on the error.",
}
_RETURNS = "The images, as a sequence."
_STREAM_RETURNS = (
    "A context manager over the events of the images' making: `PartialImage`, `CompletedImage`, or `StreamEvent` for what isn't "
    "known. Its `result()`, or `aresult()`, waits for the finished images."
)


@dataclass(frozen=True)
class _Argument:
    """One argument in a signature."""

    name: str
    type: str
    is_required: bool


@dataclass(frozen=True)
class _Function:
    """One method, as it is written."""

    name: str
    operation: str
    arguments: list[_Argument]
    keywords: list[_Argument]
    docstring: str
    streams: bool


@dataclass(frozen=True)
class _Builder:
    """What makes one kind of request."""

    media_type: str
    module: str
    model: str
    renamed: dict[str, str]


def write_operations(methods: Iterable[Method], types: PythonTypes, rules: ModelRules, config: Config, target: Path) -> None:
    """Write `operations.py`.

    Args:
        methods: The methods of its operations.
        types: The contract's types.
        rules: The contract's per-model rules.
        config: The settings of openapi-python-client, which decide how it names things.
        target: The file to write.
    """
    methods = list(methods)
    functions = [function for method in methods for function in _functions(method, types, rules)]
    requests = {method.operation.id: [_builder(method.operation, body, config) for body in method.bodies] for method in methods}
    names = sorted({*types.choices, *types.typed_dicts})
    text = render("operations.py.jinja", functions=functions, requests=requests, options=names)
    target.write_text(text, encoding="utf-8")


def _functions(method: Method, types: PythonTypes, rules: ModelRules) -> Iterator[_Function]:
    descriptions = Descriptions(method, rules)
    said = {each.python_name: descriptions.of(each) for each in [*method.arguments, *method.keywords]}
    said |= {name: word.description for name, word in CALL_WORDS.items()}
    arguments = [_Argument(each.python_name, _annotation(each, types), each.required) for each in method.arguments]
    keywords = [_Argument(each.python_name, _annotation(each, types), each.required) for each in method.keywords]
    keywords += [_Argument(name, word.type, is_required=False) for name, word in CALL_WORDS.items()]
    for name, streams in ((method.name, False), (method.stream_name, True)):
        if name is not None:
            text = _docstring(method, said, streams=streams)
            yield _Function(name, method.operation.id, arguments, keywords, text, streams)


def _annotation(parameter: Parameter, types: PythonTypes) -> str:
    if not parameter.is_file:
        return types.annotation([parameter], required=parameter.required)
    names = [_IMAGE, f"Sequence[{_IMAGE}]" if parameter.takes_several else "", "" if parameter.required else "None"]
    return " | ".join(filter(None, names))


def _docstring(method: Method, said: dict[str, str], *, streams: bool) -> str:
    definition = method.operation.definition
    summary = definition["summary"].strip().removesuffix(".")
    paragraphs = [wrapped(f"{summary}, streamed as events." if streams else f"{summary}.", _INDENT)]
    paragraphs += [wrapped(text, _INDENT) for text in definition.get("description", "").split("\n\n") if text.strip()]
    errors = {
        name: text
        for name, text in (_STREAM_RAISES if streams else _RAISES).items()
        if method.has_files or name != "UnreadableFileError"
    }
    returns = wrapped(_STREAM_RETURNS if streams else _RETURNS, _INDENT + _HANGING)
    paragraphs += [_section("Args", said), f"{_INDENT}Returns:\n{returns}", _section("Raises", errors)]
    return docstring(paragraphs, _INDENT)


def _section(title: str, entries: dict[str, str]) -> str:
    lines = [wrapped(f"{name}: {text}", _INDENT + _HANGING, _HANGING) for name, text in entries.items()]
    return "\n".join([f"{_INDENT}{title}:", *lines])


def _builder(operation: Operation, body: Body, config: Config) -> _Builder:
    tag = PythonIdentifier((operation.definition.get("tags") or ["default"])[0], "tag")
    module = f".api.{tag}.{PythonIdentifier(operation.id, config.field_prefix)}"
    model = Class.from_string(string=body.reference, config=config).name
    attributes = attribute_names(body.properties, config.field_prefix)
    renamed = {name: attribute for name, attribute in attributes.items() if name != attribute}
    return _Builder(body.media_type, module, model, renamed)
