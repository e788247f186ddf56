"""The generated operations: every parameter of the contract in a signature, typed and documented, and what makes the requests."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import import_module
from typing import Any, get_args, get_type_hints
from unittest.mock import create_autospec

import pytest
from contract_tables import DOCUMENT, SCHEMAS, families, resolved, supports

from images_api import ImagesClient
from images_api_client import options
from images_api_client.operations import REQUESTS, ImageOperations
from tools.generator.call_words import CALL_WORDS, CLIENT_WORDS

OPERATIONS = {definition["post"]["operationId"]: definition["post"] for definition in DOCUMENT["paths"].values()}
CALLS = {"generate": "createImage", "edit": "createImageEdit", "create_variation": "createImageVariation"}
STREAMS = {"stream_generate": "createImage", "stream_edit": "createImageEdit", "stream_variation": "createImageVariation"}
METHODS = CALLS | STREAMS
MODELS: list[str] = SCHEMAS["ImageModel"]["enum"]
ENTRY = re.compile(r"^    (\w+): ((?:.*\n|        .*\n)+?)(?=    \w|\n|\Z)", re.MULTILINE)
# How a docstring tells models: by the titles of families, or by their ids.
TITLES = {family["title"]: name for name, family in SCHEMAS["ImageModel"]["$defs"].items()}


class Recorder(ImageOperations[str, "tuple[str, dict[str, Any]]", "tuple[str, dict[str, Any]]"]):
    """Gives back what it was asked for."""

    def _call(self, operation: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return operation, arguments

    def _stream(self, operation: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return f"events of {operation}", arguments


def bodies(operation: str) -> dict[str, str]:
    """Return the name of the request's schema by media type."""
    content = OPERATIONS[operation]["requestBody"]["content"]
    return {media_type: body["schema"]["$ref"].rpartition("/")[2] for media_type, body in content.items()}


def contract_parameters(operation: str) -> list[str]:
    """Return the parameters of all bodies, as the contract lists them."""
    properties = [item for body in bodies(operation).values() for item in SCHEMAS[body]["properties"].items()]
    return list(dict.fromkeys(name for name, schema in properties if "x-reference-of" not in schema and name != "stream"))


def parameters(method: str) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(getattr(ImageOperations, method)).parameters)
    del found["self"]
    return found


def said(method: str) -> dict[str, str]:
    """Return what a docstring says of each parameter, in one line."""
    doc = inspect.getdoc(getattr(ImageOperations, method)) or ""
    section = doc.partition("\nArgs:\n")[2].partition("\n\nReturns:")[0] + "\n"
    return {name: " ".join(text.split()) for name, text in ENTRY.findall(section)}


# --- signatures -------------------------------------------------------------------------------------------------------------


def test_every_operation_is_a_method_and_streams_where_it_answers_events() -> None:
    public = [name for name, _ in inspect.getmembers(ImageOperations, inspect.isfunction) if not name.startswith("_")]
    assert sorted(METHODS) == public
    assert set(METHODS.values()) == OPERATIONS.keys()


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_stands_in_the_signature(method: str) -> None:
    names = list(parameters(method))
    assert sorted(names) == sorted([*contract_parameters(METHODS[method]), *CALL_WORDS])
    assert names[-len(CALL_WORDS) :] == list(CALL_WORDS)
    assert get_type_hints(getattr(ImageOperations, method)).keys() == {*names, "return"}


@pytest.mark.parametrize(
    ("method", "positional"), [("generate", ["prompt"]), ("edit", ["image", "prompt"]), ("create_variation", ["image"])]
)
def test_what_is_required_is_positional_and_all_else_says_nothing(method: str, positional: list[str]) -> None:
    of_this = parameters(method)
    assert [name for name, each in of_this.items() if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD] == positional
    assert [name for name, each in of_this.items() if each.default is inspect.Parameter.empty] == positional
    assert {each.default for name, each in of_this.items() if name not in positional} == {None}
    assert {each.kind for name, each in of_this.items() if name not in positional} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(("method", "twin"), [*zip(CALLS, STREAMS, strict=True)])
def test_a_twin_takes_the_same(method: str, twin: str) -> None:
    assert parameters(method) == parameters(twin)
    returns = [inspect.signature(getattr(ImageOperations, name)).return_annotation for name in (method, twin)]
    assert returns == ["Result", "Stream"]


def test_a_signature_reads_like_the_contract() -> None:
    written = {name: each.annotation for name, each in parameters("edit").items()}
    assert written | dict.fromkeys(CALL_WORDS, "...") == {
        "image": "ImageInput | Sequence[ImageInput]",
        "prompt": "str",
        "mask": "ImageInput | None",
        "markup": "ImageInput | None",
        "model": "ImageModel | str | None",
        "n": "int | None",
        "size": "ImageSize | str | None",
        "response_format": "ImageResponseFormat | str | None",
        # That of the other body holds less.
        "quality": "ImageEditQuality | str | None",
        "input_fidelity": "ImageInputFidelity | str | None",
        "background": "ImageBackground | str | None",
        "output_format": "ImageOutputFormat | str | None",
        "output_compression": "int | None",
        "partial_images": "int | None",
        "user": "str | None",
        "safety_identifier": "str | None",
        "complexity": "ImageComplexity | str | None",
        "frame_count": "int | None",
        "frame_duration_ms": "int | None",
        "svg": "SvgEditSettingsOptions | None",
        "moderation": "ImageModeration | str | None",
        **dict.fromkeys(CALL_WORDS, "..."),
    }
    assert parameters("create_variation")["image"].annotation == "ImageInput"


def test_an_autospec_refuses_what_is_misspelt() -> None:
    client = create_autospec(Recorder, instance=True)
    client.generate("an otter", size="64x64", model="gpt-image-next")
    with pytest.raises(TypeError, match="sice"):
        client.generate("an otter", sice="64x64")


# --- calls ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_call_hands_on_its_operation_and_all_arguments(method: str) -> None:
    recorder = Recorder()
    given = {name: f"the {name}" for name in parameters(method)}
    operation, arguments = getattr(recorder, method)(**given)
    assert operation == (f"events of {STREAMS[method]}" if method in STREAMS else CALLS[method])
    assert arguments == {"self": recorder, **given}
    positional = [given[name] for name, each in parameters(method).items() if each.default is inspect.Parameter.empty]
    _, arguments = getattr(recorder, method)(*positional)
    assert [value for name, value in arguments.items() if name != "self" and value is not None] == positional
    assert list(arguments)[:2] == ["self", next(iter(given))]


def test_how_it_is_sent_is_for_the_clients_to_say() -> None:
    operations: ImageOperations[str, str, str] = ImageOperations()
    with pytest.raises(NotImplementedError):
        operations.generate("an otter")
    with pytest.raises(NotImplementedError):
        operations.stream_generate("an otter")


# --- docstrings -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_every_parameter_is_documented_in_order(method: str) -> None:
    assert list(said(method)) == list(parameters(method))
    of_files = "UnreadableFileError" in (inspect.getdoc(getattr(ImageOperations, method)) or "")
    assert of_files == ("image" in parameters(method))


@pytest.mark.parametrize("method", METHODS)
def test_the_contracts_words_come_first(method: str) -> None:
    for name, text in said(method).items():
        schemas = [SCHEMAS[body]["properties"].get(name) for body in bodies(METHODS[method]).values()]
        described = [resolved(schema)["description"] for schema in schemas if schema]
        assert name in CALL_WORDS or text.startswith(described[0]), name


def told(names: str) -> set[str]:
    """Return the models that a docstring names."""
    named = re.split(r", | and | or ", names.replace("gpt-image-1.x and chatgpt-image", "Gpt1").replace(" and later", ""))
    titles = {title.removesuffix(" and later"): name for title, name in TITLES.items()} | {"Gpt1": "Gpt1"}
    return {model for model in MODELS for name in named if model == name or titles.get(name) in families(model)}


@pytest.mark.parametrize("method", CALLS)
def test_which_models_take_it_is_told_right(method: str) -> None:
    requests = list(bodies(CALLS[method]).values())
    all_models = {model for model in MODELS if any(supports(request, "model", model) for request in requests)}
    for name, text in said(method).items():
        having = [request for request in requests if name in SCHEMAS[request]["properties"]]
        takers = {
            model
            for model in MODELS
            for request in having
            if supports(request, name, model) and supports(request, "model", model)
        }
        found = re.search(r"(Only for|Not for|known models, only|known models, not) (.+?)\.( |$)", text)
        among = set(MODELS) if name == "model" else all_models
        if name in CALL_WORDS or takers == among:
            assert not found, name
        else:
            assert found, name
            models = told(found[2]) & among
            assert takers == (among - models if found[1].lower().endswith(("not", "not for")) else models), name


def test_what_is_told_of_a_parameter() -> None:
    generate, edit, vary = said("generate"), said("edit"), said("create_variation")
    assert generate["n"].endswith(
        "At most 10 for dall-e-2 and GPT image models. At most 1 for dall-e-3. Default for dall-e-2 and dall-e-3: 1."
    )
    assert generate["prompt"].endswith(
        "At least 1 character. At most 32000 characters for GPT image models. At most 4000 characters for dall-e-3. At most 1000 "
        "characters for dall-e-2."
    )
    assert generate["style"].endswith("Such as `vivid` or `natural`. Only for dall-e-3.")
    assert generate["moderation"].endswith("Such as `low` or `auto`. Only for GPT image models.")
    assert generate["response_format"].endswith("Not for GPT image models. Default for dall-e-2 and dall-e-3: `url`.")
    assert generate["model"].endswith("Default: `gpt-image-2.5-flare`.")
    assert "Such as `auto`, `1024x1024`, " in generate["size"]
    assert edit["model"].endswith("Of the known models, not dall-e-3. Default: `gpt-image-2.5-flare`.")
    assert edit["markup"].endswith("Not when images are given by reference. Only for gpt-image-2.5 and later.")
    assert edit["moderation"].endswith("Only when images are given by reference. Only for GPT image models.")
    assert edit["input_fidelity"].endswith("Only for gpt-image-1.x and chatgpt-image.")
    assert vary["model"].endswith("Of the known models, only dall-e-2. Default: `dall-e-2`.")


def test_how_an_image_may_be_given_is_told() -> None:
    files = (
        "Given as a path, bytes, a binary file, a PIL image, a `data:` URL, or a tuple of file name and one of these and maybe a "
        "media type."
    )
    references = "Or, all images of the call alike, as a link, a `data:` URL or the id of a file."
    for name, text in said("edit").items():
        assert (files in text) == (name in {"image", "mask", "markup"}), name
        assert (references in text) == (name in {"image", "mask"}), name
    assert said("create_variation")["image"].endswith(files)


# --- options ----------------------------------------------------------------------------------------------------------------


def test_all_types_of_the_options_are_exported() -> None:
    assert list(options.__all__) == sorted(options.__all__)
    own = {name for name in vars(options) if name[0].isupper()} - {"Literal", "TypeAlias", "TypedDict"}
    assert own == set(options.__all__)


def test_choices_are_the_contracts() -> None:
    choices = {name: get_args(getattr(options, name)) for name in options.__all__ if name in SCHEMAS}
    assert {name: list(values) for name, values in choices.items()} == {name: SCHEMAS[name]["enum"] for name in choices}
    assert {"ImageModel", "ImageSize", "ImageReferenceEditQuality", "ReasoningEffort"} <= choices.keys()


@pytest.mark.parametrize("method", CALLS)
def test_options_are_what_a_method_takes_beside_arguments_and_files(method: str) -> None:
    operation = CALLS[method]
    kind = getattr(options, f"{operation[0].upper()}{operation[1:]}Options")
    wanted = set(parameters(method)) - CALL_WORDS.keys() - {"prompt", "image", "mask", "markup"}
    assert get_type_hints(kind).keys() == wanted
    hints = get_type_hints(getattr(ImageOperations, method))
    assert get_type_hints(kind) == {name: hints[name] for name in wanted}
    assert get_type_hints(options.ImageOptions).keys() >= wanted


def test_none_is_what_was_not_said_everywhere() -> None:
    kinds = [kind for name in options.__all__ for kind in [getattr(options, name)] if isinstance(kind, type)]
    assert len(kinds) == 8
    assert all(type(None) in get_args(hint) for kind in kinds for hint in get_type_hints(kind).values())


def test_the_options_of_all_operations_take_what_any_takes() -> None:
    hints = get_type_hints(options.ImageOptions)
    quality = {value for choice in get_args(hints["quality"]) for value in get_args(choice)}
    assert quality == {*get_args(options.ImageQuality), *get_args(options.ImageEditQuality)}
    assert set(get_args(hints["svg"])) == {options.SvgSettingsOptions, options.SvgEditSettingsOptions, type(None)}


# --- requests ---------------------------------------------------------------------------------------------------------------


def test_every_body_of_every_operation_has_its_builder() -> None:
    assert {operation: list(builders) for operation, builders in REQUESTS.items()} == {
        operation: list(bodies(operation)) for operation in OPERATIONS
    }


@pytest.mark.parametrize(
    ("operation", "media_type"), [(operation, media_type) for operation in REQUESTS for media_type in REQUESTS[operation]]
)
def test_a_builder_leads_to_the_model_of_its_body(operation: str, media_type: str) -> None:
    builder = REQUESTS[operation][media_type]
    module = import_module(builder.module, "images_api_client")
    model = getattr(module, builder.model)
    assert inspect.signature(module._get_kwargs).parameters.keys() == {"body"}
    properties = SCHEMAS[bodies(operation)[media_type]]["properties"]
    assert list(inspect.signature(model).parameters) == [builder.renamed.get(name, name) for name in order(model, properties)]


def order(model: type, properties: dict[str, Any]) -> list[str]:
    """Return the properties with the required ones first, as models have them."""
    required = SCHEMAS[model.__name__]["required"]
    return sorted(properties, key=lambda name: name not in required)


# --- import -----------------------------------------------------------------------------------------------------------------


def test_importing_the_operations_loads_nothing_more() -> None:
    program = (
        "import sys, httpx; before = set(sys.modules); import images_api_client.operations; print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    found = set(done.stdout.split()) - sys.stdlib_module_names
    assert found == {"images_api_client", "images_api_client.options", "images_api_client.operations"}


def test_no_option_has_the_name_of_what_a_client_is_made_with() -> None:
    named = {name for name, each in inspect.signature(ImagesClient).parameters.items() if each.kind is not each.VAR_KEYWORD}
    assert named <= CLIENT_WORDS
