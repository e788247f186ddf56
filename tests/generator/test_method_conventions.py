"""What keeps an operation from becoming a method is found, with its place and what to do; the generator stops with its line."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from generation import CONTRACT
from new_operations import COLLAGE, COLLAGE_REQUEST, UPSCALE, UPSCALE_REQUEST, add, added
from ruamel.yaml import YAML

from tools.generator.call_words import CALL_WORDS
from tools.generator.contract import ContractError, read_contract
from tools.generator.method_conventions import unusable_methods

if TYPE_CHECKING:
    from pathlib import Path

TEXT = added(added(CONTRACT.read_text(encoding="utf-8"), UPSCALE, UPSCALE_REQUEST), COLLAGE, COLLAGE_REQUEST)
DOCUMENT: dict[str, Any] = YAML(typ="safe").load(TEXT)
PATHS = {"edit": "/images/edits", "upscale": "/images/upscale", "collage": "/images/collage"}
SETTINGS = "must be a mapping of name, stream, arguments, subject and command, or false"
JSON_ONLY = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ImagesResponse"}}}}
FORM = "multipart/form-data"
JSON = "application/json"
ELSEWHERE = "move what is in the URL or the headers there, or let `x-method: false` leave the operation to client.low_level"


def operation(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][PATHS[name]]["post"]
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def faults(document: dict[str, Any]) -> list[str]:
    """Return what is found, each as its place and what is said."""
    return [f"{'/'.join(map(str, place))}: {why}" for place, why in unusable_methods(document)]


@pytest.fixture
def document() -> dict[str, Any]:
    return deepcopy(DOCUMENT)


def test_nothing_is_wrong_before(document: dict[str, Any]) -> None:
    assert faults(document) == []


@pytest.mark.parametrize(
    ("settings", "where", "said"),
    [
        ("edit", "", SETTINGS),
        (True, "", SETTINGS),
        (None, "", SETTINGS),
        ({"nmae": "edit"}, "/nmae", "is none of name, stream, arguments, subject and command; did you mean name?"),
        ({"zz": "edit"}, "/zz", "is none of name, stream, arguments, subject and command"),
        ({"name": ["edit"]}, "/name", "must be a name"),
        ({"stream": None}, "/stream", "must be a name"),
        ({"subject": 5}, "/subject", "must be a name"),
        ({"command": True}, "/command", "must be a name"),
        ({"arguments": "image"}, "/arguments", "must be a list of names"),
        ({"arguments": [{"image": 1}]}, "/arguments", "must be a list of names"),
    ],
)
def test_what_x_method_is(document: dict[str, Any], settings: object, where: str, said: str) -> None:
    operation(document, "edit")["x-method"] = settings
    assert faults(document) == [f"paths//images/edits/post/x-method{where}: {said}"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("class", "Python takes no such name"),
        ("e-dit", "Python takes no such name"),
        ("_edit", "it begins with an underscore, as what is private does"),
        ("close", "the clients have it for themselves"),
        ("low_level", "the clients have it for themselves"),
        ("list", "the types of parameters need it"),
        ("httpx", "the types of parameters need it"),
    ],
)
def test_what_a_method_can_be_called(document: dict[str, Any], name: str, why: str) -> None:
    said = f"{name!r} can't be the name of a method, for {why}: say another one in x-method"
    for key in ("name", "stream"):
        operation(document, "edit")["x-method"] = {"name": "edit", key: name}
        assert f"paths//images/edits/post/x-method/{key}: {said}" in faults(document)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Edit", "one is made of small letters and digits, with hyphens between"),
        ("edit--image", "one is made of small letters and digits, with hyphens between"),
        ("-edit", "one is made of small letters and digits, with hyphens between"),
        ("models", "the command line has it for itself"),
    ],
)
def test_what_a_command_can_be_called(document: dict[str, Any], name: str, why: str) -> None:
    operation(document, "edit")["x-method"] = {"name": "edit", "command": name}
    said = f"{name!r} can't be a command, for {why}: say another one as x-method's command"
    assert faults(document) == [f"paths//images/edits/post/x-method/command: {said}"]


def test_a_method_may_be_called_what_a_command_may_not(document: dict[str, Any]) -> None:
    operation(document, "edit")["x-method"] = {"name": "models"}
    said = "'models' can't be a command, for the command line has it for itself: say another one as x-method's command"
    assert faults(document) == [f"paths//images/edits/post/x-method/name: {said}"]
    operation(document, "edit")["x-method"]["command"] = "edit"
    assert faults(document) == []


def test_two_commands_of_one_name(document: dict[str, Any]) -> None:
    operation(document, "edit")["x-method"] = {"name": "edit", "command": "generate"}
    said = "createImage is the command generate, too: say another one in x-method"
    assert faults(document) == [f"paths//images/edits/post/x-method: {said}"]


def test_a_name_that_is_made_of_the_id_is_looked_at_as_well(document: dict[str, Any]) -> None:
    operation(document, "upscale")["operationId"] = "Close"
    said = "'close' can't be the name of a method, for the clients have it for themselves: say another one in x-method"
    assert faults(document) == [f"paths//images/upscale/post/operationId: {said}"]


@pytest.mark.parametrize(
    ("place", "settings", "said"),
    [
        ("operationId", {}, "createImage has a method generate as well: say another name in x-method"),
        (
            "x-method/name",
            {"name": "stream_edit"},
            "createImageEdit has a method stream_edit as well: say another name in x-method",
        ),
        (
            "x-method/stream",
            {"name": "grow", "stream": "grow"},
            "Generate has a method grow as well: say another name in x-method",
        ),
    ],
)
def test_two_methods_of_one_name(document: dict[str, Any], place: str, settings: dict[str, str], said: str) -> None:
    operation(document, "upscale").update({"operationId": "Generate", "x-method": settings})
    assert f"paths//images/upscale/post/{place}: {said}" in faults(document)


@pytest.mark.parametrize(
    ("settings", "where", "said"),
    [
        ({"subject": "promt"}, "subject", "must be a parameter of createImageCollage, such as input, type, format, filter"),
        ({"subject": "timeout"}, "subject", "must be a parameter of createImageCollage, such as input"),
        ({"arguments": ["input", "colour"]}, "arguments/1", "must be a parameter of createImageCollage, such as input"),
        ({"arguments": ["input", "input"]}, "arguments/1", "names input twice"),
        ({"arguments": ["filter", "input"]}, "arguments/1", "input is required, and must come before what isn't"),
        ({"arguments": ["filter"]}, "arguments", "leaves out what is required: add input"),
        ({"arguments": []}, "arguments", "leaves out what is required: add input"),
    ],
)
def test_the_parameters_that_x_method_names(document: dict[str, Any], settings: object, where: str, said: str) -> None:
    operation(document, "collage")["x-method"] = settings
    assert [f"paths//images/collage/post/x-method/{where}: {said}" in fault for fault in faults(document)] == [True]


@pytest.mark.parametrize("name", ["images", "stream"])
def test_what_is_no_parameter_of_its_own_is_no_argument(document: dict[str, Any], name: str) -> None:
    operation(document, "edit")["x-method"] = {"subject": name, "arguments": ["image", "prompt", name]}
    said = "must be a parameter of createImageEdit, such as image, mask, markup, prompt, model"
    assert [fault.partition(", n,")[0] for fault in faults(document)] == [
        f"paths//images/edits/post/x-method/subject: {said}",
        f"paths//images/edits/post/x-method/arguments/2: {said}",
    ]


def test_what_has_no_method_says_nothing_of_one(document: dict[str, Any]) -> None:
    operation(document, "collage")["responses"]["200"] = {"$ref": "#/components/responses/Error"}
    said = "is for operations whose answer, 200 in JSON, is an ImagesResponse; client.low_level has the others: remove it"
    assert faults(document) == [f"paths//images/collage/post/x-method: {said}"]


def test_what_has_no_events_has_no_method_that_streams(document: dict[str, Any]) -> None:
    operation(document, "collage").update({"responses": {"200": JSON_ONLY}, "x-method": {"stream": "watch"}})
    said = "no answer of the operation is text/event-stream, so that no method streams it: remove it"
    assert faults(document) == [f"paths//images/collage/post/x-method/stream: {said}"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *((name, f"for every method needs {name} for itself: give it another name") for name in ("self", "locals", *CALL_WORDS)),
        ("class_", "for class is written so in Python: give it another name"),
        ("None_", "for None is written so in Python: give it another name"),
        ("9lives", "for Python takes no such name: give it another one"),
        ("aspect-ratio", "for Python takes no such name: give it another one"),
        ("", "for Python takes no such name: give it another one"),
        ("__secret", "for Python changes names that begin with two underscores: give it another one"),
        ("ﬁlter", "for Python reads it as filter: give it that name"),
        ("additionalProperties", "for the models of openapi-python-client use that name: give it another one"),
        ("to_dict", "for the models of openapi-python-client use that name: give it another one"),
        ("d", "for the models of openapi-python-client use that name: give it another one"),
    ],
)
def test_names_that_no_parameter_can_have(document: dict[str, Any], name: str, said: str) -> None:
    schema(document, "CreateImageCollageRequest")["properties"][name] = {"description": "x.", "type": "string"}
    place = f"components/schemas/CreateImageCollageRequest/properties/{name}"
    assert faults(document) == [f"{place}: can't be a parameter, {said}"]
    # Where no method takes it, it is the low-level client's alone, which calls it something else.
    operation(document, "collage")["x-method"] = False
    assert faults(document) == []


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            {"type": "string", "format": "binary", "x-image": {}},
            f"a file goes along in a body of type {FORM} only: move it there",
        ),
        (
            {"type": "string", "format": "binary"},
            "a file that is no image can't be given to a method: add `x-image: {}` where it is",
        ),
        (
            {"type": "array", "items": {"type": "string", "format": "binary"}},
            "a file that is no image can't be given to a method",
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string", "format": "binary"}}},
            "a file that is no image can't be given",
        ),
        (
            {"type": "string", "format": "date-time"},
            "a text of format date-time can't be sent as it is: take the format away, and",
        ),
        (
            {"type": "string", "format": "date"},
            "a text of format date can't be sent as it is: take the format away, and say it in",
        ),
    ],
)
def test_values_that_cannot_be_sent(document: dict[str, Any], part: dict[str, Any], said: str) -> None:
    schema(document, "CreateImageCollageRequest")["properties"]["thing"] = {"description": "x.", **part}
    found = faults(document)
    assert [fault[: fault.index(said)] for fault in found] == ["components/schemas/CreateImageCollageRequest/properties/thing: "]


def test_an_operation_needs_a_body_that_can_be_filled(document: dict[str, Any]) -> None:
    upscale = operation(document, "upscale")
    content = upscale["requestBody"]["content"]
    content["text/csv"] = content[FORM]
    place = "paths//images/upscale/post"
    said = f"can't be sent by a method: offer {JSON} or {FORM}, or let `x-method: false` leave the operation to client.low_level"
    assert faults(document) == [f"{place}/requestBody/content/text/csv: {said}"]
    del content["text/csv"]
    content[JSON] = {"schema": {"$ref": "#/components/schemas/CreateImageCollageRequest"}}
    said = "which body a call means is told by the images that it is given: mark with x-reference-of what stands for a file"
    assert faults(document) == [f"{place}/requestBody/content/{JSON}: {said}, or remove one of the bodies"]
    del upscale["requestBody"]
    said = "has no requestBody, which a method fills: add one, or let `x-method: false` leave the operation to client.low_level"
    assert faults(document) == [f"{place}: {said}"]
    upscale["x-method"] = False
    assert faults(document) == []


@pytest.mark.parametrize("place", ["query", "header", "cookie", "path"])
def test_parameters_belong_into_the_body(document: dict[str, Any], place: str) -> None:
    parameters = [{"name": "quick", "in": place, "schema": {"type": "boolean"}}]
    upscale = operation(document, "upscale")
    upscale["parameters"] = parameters
    assert faults(document) == [f"paths//images/upscale/post/parameters: a method sends its body alone: {ELSEWHERE}"]
    document["paths"]["/images/upscale"]["parameters"] = upscale.pop("parameters")
    assert faults(document) == [f"paths//images/upscale/parameters: a method sends its body alone: {ELSEWHERE}"]
    upscale["x-method"] = False
    assert faults(document) == []


def test_parameters_stand_in_the_properties_of_the_request(document: dict[str, Any]) -> None:
    request = schema(document, "CreateImageCollageRequest")
    place = "components/schemas/CreateImageCollageRequest"
    request["additionalProperties"] = False
    said = "must not be false: `extra_body` passes on what the contract doesn't know"
    assert faults(document) == [f"{place}/additionalProperties: {said}"]
    del request["additionalProperties"]
    request["allOf"] = [{"properties": {"type": {"minLength": 1}}}, {"$ref": "#/components/schemas/SvgSettings"}]
    said = "no parameter is looked for here: move model, reasoning to the properties of the request itself"
    assert faults(document) == [f"{place}/allOf/1: {said}"]
    del request["allOf"]
    request["type"] = "array"
    assert faults(document) == [f"{place}: must be of type object: its properties are the parameters"]


@pytest.mark.parametrize(
    ("name", "part", "said"),
    [
        (
            "mask",
            {"x-reference-of": "msk"},
            "must be the name of a file parameter (x-image) of the operation's form, such as image",
        ),
        ("mask", {"x-reference-of": "prompt"}, "must be the name of a file parameter (x-image) of the operation's form, such as"),
        ("mask", {"x-reference-of": "image"}, "another property stands for image as well: remove one of them"),
        ("mask", {"$ref": "#/components/schemas/SvgSettings"}, "must stand beside an object of texts, each with a `pattern`"),
        ("mask", {"$ref": "#/components/schemas/User"}, "must stand beside an object of texts, each with a `pattern` that tells"),
        (
            "images",
            {"type": "object", "$ref": "#/components/schemas/ImageReference"},
            "must stand beside an array, for image takes",
        ),
    ],
)
def test_references_that_stand_for_nothing(document: dict[str, Any], name: str, part: dict[str, Any], said: str) -> None:
    properties = schema(document, "CreateImageEditByReferenceRequest")["properties"]
    properties[name] |= part
    place = f"components/schemas/CreateImageEditByReferenceRequest/properties/{name}/x-reference-of"
    assert [fault[: fault.index(said)] for fault in faults(document)] == [f"{place}: "]


def test_references_need_files(document: dict[str, Any]) -> None:
    properties = schema(document, "CreateImageCollageRequest")["properties"]
    properties["link"] = {"$ref": "#/components/schemas/ImageReference", "x-reference-of": "image"}
    said = "must be the name of a file parameter (x-image) of the operation's form, of which there is none"
    assert faults(document) == [f"components/schemas/CreateImageCollageRequest/properties/link/x-reference-of: {said}"]


def test_references_belong_to_the_json_body_of_a_method(document: dict[str, Any]) -> None:
    schema(document, "CreateImageUpscaleRequest")["properties"]["scale"]["x-reference-of"] = "image"
    schema(document, "Image")["properties"]["url"]["x-reference-of"] = "image"
    schema(document, "CreateImageCollageRequest")["properties"]["type"]["x-reference-of"] = ["image"]
    wrong = f"belongs to a body of type {JSON}: in a form, the files themselves go along"
    stray = "belongs beside a property of the JSON body of an operation"
    assert sorted(faults(document)) == [
        "components/schemas/CreateImageCollageRequest/properties/type/x-reference-of: must be the name of a file parameter",
        f"components/schemas/CreateImageUpscaleRequest/properties/scale/x-reference-of: {wrong}",
        f"components/schemas/Image/properties/url/x-reference-of: {stray}",
    ]


@pytest.mark.parametrize(
    ("roles", "where", "said"),
    [
        (None, "", "must be a mapping of model, count, size, quality, format, partials and stream to names of parameters"),
        (["n"], "", "must be a mapping of model, count, size, quality, format, partials and stream to names of parameters"),
        (
            {"count": 1},
            "",
            "must be a mapping of model, count, size, quality, format, partials and stream to names of parameters",
        ),
        ({"many": "n"}, "/many", "is none of model, count, size, quality, format, partials and stream"),
        ({"count": "amount"}, "/count", "'amount' is a parameter of no request: after a rename, this needs the new name"),
    ],
)
def test_roles_are_those_of_parameters(document: dict[str, Any], roles: object, where: str, said: str) -> None:
    document["components"]["x-roles"] = roles
    assert f"components/x-roles{where}: {said}" in faults(document)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Paper-Class", "'Paper-Class' can't be the name of a type, for Python takes no such name: give it another one"),
        ("Sequence", "Sequence is another type in the generated modules: give it another name"),
        ("ImageInput", "ImageInput is another type in the generated modules: give it another name"),
        ("ImageOptions", "ImageOptions is another type in the generated modules: give it another name"),
        ("str", "str is another type in the generated modules: give it another name"),
        ("CreateImageOptions", "CreateImageOptions is what the options of createImage are called: give it another name"),
        ("SvgSettingsOptions", "SvgSettingsOptions is another type in the generated modules: give it another name"),
    ],
)
def test_names_that_no_type_can_have(document: dict[str, Any], name: str, said: str) -> None:
    document["components"]["schemas"][name] = {"description": "x.", "type": "string", "enum": ["a", "b"]}
    schema(document, "CreateImageCollageRequest")["properties"]["paper"] = {"$ref": f"#/components/schemas/{name}"}
    assert faults(document) == [f"components/schemas/{name}: {said}"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "        type: {description: What kind",
            "        timeout: {description: What kind",
            "can't be a parameter, for every method",
        ),
        (
            "        type: {description: What kind",
            "        self: {description: What kind",
            "can't be a parameter, for every method",
        ),
        (
            "        type: {description: What kind",
            "        extra_body: {description: What kind",
            "can't be a parameter, for every",
        ),
        (
            "      x-method: {arguments: [input, filter]}",
            "      x-method: {argument: [input]}",
            "is none of name, stream, arguments",
        ),
        (
            "      x-method: {arguments: [input, filter]}",
            "      x-method: {subject: inputs}",
            "must be a parameter of createImageCol",
        ),
        ("      operationId: createImageCollage", "      operationId: generate", "createImage has a method generate as well"),
    ],
)
def test_the_line_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    contract = tmp_path / "openapi.yaml"
    contract.write_text(CONTRACT.read_text(encoding="utf-8"), encoding="utf-8")
    add(contract, (COLLAGE, COLLAGE_REQUEST))
    text = contract.read_text(encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    contract.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContractError) as refused:
        read_contract(contract)
    assert re.search(rf"^{re.escape(str(contract))}:{line}: .*{re.escape(said)}", str(refused.value), re.MULTILINE)
