"""Operations that the contract doesn't have yet: what the generator alone makes of them."""

from __future__ import annotations

import ast
import json
import re
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from generation import CONTRACT, PACKAGE, ROOT, generate, run
from new_operations import COLLAGE, COLLAGE_REQUEST, UPSCALE, UPSCALE_REQUEST, add, without
from ruamel.yaml import YAML

from tools.generator.contract import ContractError, read_contract

if TYPE_CHECKING:
    from pathlib import Path

# The same again without a model, under a name that its operationId makes.
ENLARGE = UPSCALE.replace("/upscale", "/enlarge").replace("Upscale", "Enlarge")
ENLARGE_REQUEST = without(UPSCALE_REQUEST, "model").replace("Upscale", "Enlarge")
# What ends a docstring, a line or a string, and what no source may hold.
HOSTILE = 'It says """\nimport os\n""" and \'\'\' and \\ and {{ x }} and {% raw %} and "'
WORDS = "extra_headers extra_query extra_body timeout max_retries"
RATIOS = ("aspect_ratio", "AspectRatio")
TYPE_NAMES = ("list", "dict", "object", "Literal")


def make_worse(contract: Path) -> None:
    """Add what a contract may hold and Python has no room for."""
    yaml = YAML()
    document = yaml.load(contract)
    schemas = document["components"]["schemas"]
    document["paths"]["/images/collage"]["post"] |= {"summary": HOSTILE, "description": f"{HOSTILE}\n\n{HOSTILE}"}
    properties = schemas["CreateImageCollageRequest"]["properties"]
    for part in (properties["input"], schemas["SvgSettings"], schemas["ImageStyle"]):
        part["description"] = HOSTILE
    properties["odd"] = {"description": "x.", "type": "string", "enum": ['"""', "\\", "'", "\n"]}
    properties["paper"] = {"$ref": "#/components/schemas/Paper"}
    schemas["Paper"] = {
        "description": HOSTILE,
        "type": "object",
        "properties": {name: {"description": HOSTILE, "type": "string"} for name in ("class", "a b", "list", "Paper", "")},
    }
    # What openapi-python-client would call the same.
    for name in RATIOS:
        properties[name] = {"description": "x.", "type": "integer"}
    # Names of types, as names of parameters and beside parameters of these types.
    for name in TYPE_NAMES:
        properties[name] = {"description": "x.", "type": "array", "items": {"type": "string"}}
    yaml.dump(document, contract)


class Package(NamedTuple):
    folder: Path

    def __call__(self, *calls: tuple[str, dict[str, Any]]) -> dict[str, Any]:
        script = ROOT / "tests" / "support" / "operation_calls.py"
        printed = run(sys.executable, "-W", "error", script, json.dumps(calls), PYTHONPATH=str(self.folder.parent))
        told: dict[str, Any] = json.loads(printed)
        return told

    def sent(self, method: str, **arguments: Any) -> dict[str, Any]:
        sent: dict[str, Any] = self((method, arguments))["sent"][0]
        return sent

    def doc(self, method: str) -> str:
        return re.sub(r"\s+", " ", self()["methods"][method]["doc"])


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("project")
    contract = folder / CONTRACT.name
    contract.write_text(CONTRACT.read_text(encoding="utf-8"), encoding="utf-8")
    add(contract, (UPSCALE, UPSCALE_REQUEST), (ENLARGE, ENLARGE_REQUEST), (COLLAGE, COLLAGE_REQUEST))
    make_worse(contract)
    generate(folder / PACKAGE.name, contract=contract)
    return Package(folder / PACKAGE.name)


def test_a_method_and_its_twin_are_called_after_the_operation(package: Package) -> None:
    new = {name.removeprefix("stream_") for name in package()["methods"]} - {"generate", "edit", "create_variation", "variation"}
    assert new == {"create_image_upscale", "create_image_enlarge", "create_image_collage"}
    assert {f"stream_{name}" for name in new} <= package()["methods"].keys()


def test_images_come_first_and_what_is_required_is_positional(package: Package) -> None:
    signature = package()["methods"]["create_image_upscale"]["signature"]
    names = re.sub(r": '[^']*'| = None", "", signature)
    words = ", ".join(WORDS.split())
    assert names == f"(self, image, scale, *, model, response_format, {words}) -> 'Result'"
    assert signature.startswith("(self, image: 'ImageInput', scale: 'int', *, model: 'ImageModel | str | None' = None, ")
    twin = package()["methods"]["stream_create_image_upscale"]["signature"]
    assert twin == signature.replace("'Result'", "'Stream'")


def test_one_without_a_model_says_nothing_of_models(package: Package) -> None:
    assert "model" not in package()["methods"]["create_image_enlarge"]["types"]
    doc = package.doc("create_image_enlarge")
    assert "response_format: Whether an image comes as a link" in doc
    assert not re.search(r"(Not|Only|Default) for", doc)


def test_its_docstring_says_what_the_contract_says(package: Package) -> None:
    doc = package.doc("create_image_upscale")
    assert doc.startswith("Make an image larger. Args: image: The image to enlarge. Given as a path, bytes, a binary file, a PIL")
    assert "scale: How many times as wide and as high it becomes. At least 2. At most 4. model: The model that enlarges." in doc
    assert "file id" not in doc
    assert "UnreadableFileError: A file" in doc
    assert "UnreadableFileError" not in package.doc("create_image_collage")
    assert package.doc("stream_create_image_upscale").startswith("Make an image larger, streamed as events. Args:")


def test_what_is_sent_is_what_was_said(package: Package) -> None:
    assert package.sent("create_image_upscale", image="a.png", scale=2) == {
        "media_type": "multipart/form-data",
        "url": "/images/upscale",
        "json": None,
        "form": [["scale", "2"], ["model", "gpt-image-2.5-flare"], ["image", "a.png"]],
    }
    sent = package.sent("stream_create_image_enlarge", image="a.png", scale=4, timeout=5, extra_body={"a": 1})
    assert sent["streams"] is True
    assert sent["form"] == [["scale", "4"], ["image", "a.png"]]


ODD = {"type": "wall", "format": "a4", "input": "otters", "filter": "fish", "aspectRatio": 1.5, "class": 2}


def test_names_that_python_has_uses_for_can_be_sent(package: Package) -> None:
    given = {f"{name}_" if name == "class" else name: value for name, value in ODD.items()}
    sent = package.sent("create_image_collage", **given)
    assert (sent["media_type"], sent["json"]) == ("application/json", ODD)
    signature = package()["methods"]["create_image_collage"]["signature"]
    assert signature.startswith("(self, input: 'str', filter: 'str | None' = None, *, type: 'str | None' = None, format: ")
    assert "class_: 'int | None' = None" in signature
    assert package()["options"]["CreateImageCollageOptions"].keys() >= {"type", "format", "aspectRatio", "class_"}
    assert "input" not in package()["options"]["CreateImageCollageOptions"]
    assert package()["options"]["ImageOptions"].keys() >= {"type", "format", "aspectRatio", "class_", "n"}
    assert not {"input", "filter", "scale", "prompt", "image", "mask"} & package()["options"]["ImageOptions"].keys()


def test_names_that_differ_in_case_alone_can_be_sent(package: Package) -> None:
    given = {"aspectRatio": 1.5, **{name: index for index, name in enumerate(RATIOS)}}
    assert package.sent("create_image_collage", input="x", **given)["json"] == {"input": "x", **given}


def test_names_of_types_can_be_sent_and_resolved(package: Package) -> None:
    given = {name: ["a"] for name in TYPE_NAMES}
    assert package.sent("create_image_collage", input="x", **given)["json"] == {"input": "x", **given}
    types = package()["methods"]["create_image_collage"]["types"]
    assert {types[name] for name in TYPE_NAMES} == {"list[str] | None"}
    assert package()["options"]["PaperOptions"] == dict.fromkeys(("class", "a b", "list", "Paper", ""), "str | None")


def test_texts_of_the_contract_stay_texts(package: Package) -> None:
    for module in ("options", "operations"):
        tree = ast.parse((package.folder / f"{module}.py").read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert imported <= {"httpx"}
    shown = 'It says """ import os """ and \'\'\' and \\ and {{ x }} and {% raw %} and "'
    assert package.doc("create_image_collage").startswith(f"{shown}. {shown} {shown} Args: input: {shown} filter: What")
    assert package()["documented"]["SvgSettingsOptions"] == shown
    types = package()["methods"]["create_image_collage"]["types"]
    assert types["odd"] == str(Literal['"""', "\\", "'", "\n"] | None)


def test_type_checkers_agree(package: Package, tmp_path: Path) -> None:
    options = ["--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    printed = run(sys.executable, "-m", "mypy", *options, str(package.folder), folder=tmp_path)
    assert printed.startswith("Success: no issues found")


def test_it_is_the_same_each_time(package: Package, tmp_path: Path) -> None:
    generate(tmp_path / PACKAGE.name, contract=package.folder.parent / CONTRACT.name)
    for module in ("options.py", "operations.py"):
        assert (tmp_path / PACKAGE.name / module).read_bytes() == (package.folder / module).read_bytes()


def identifiers(source: str) -> set[str]:
    """Return the names that the functions of a module use of their own."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    own = {node.id for function in functions for node in ast.walk(function) if isinstance(node, ast.Name)}
    return own | {argument.arg for function in functions for argument in function.args.args} | {each.name for each in functions}


def test_no_name_of_the_models_own_keeps_a_parameter_from_being_sent(tmp_path: Path) -> None:
    contract = tmp_path / CONTRACT.name
    yaml = YAML()
    models = PACKAGE / "models"
    names = {name for module in models.glob("*_request.py") for name in identifiers(module.read_text(encoding="utf-8"))}
    document = yaml.load(CONTRACT)
    properties = document["components"]["schemas"]["CreateImageRequest"]["properties"]
    own = {name: name for name in sorted(names) if name not in properties}
    for name in own:
        properties[name] = {"description": "x.", "type": ["string", "null"]}
    yaml.dump(document, contract)
    with pytest.raises(ContractError) as refused:
        read_contract(contract)
    refusals = set(re.findall(r"CreateImageRequest/properties/(\w+): can't be a parameter", str(refused.value)))
    assert {"self", "cls", "d", "to_dict"} <= refusals
    for name in refusals:
        del properties[name], own[name]
    yaml.dump(document, contract)
    generate(tmp_path / PACKAGE.name, contract=contract)
    sent = Package(tmp_path / PACKAGE.name).sent("generate", prompt="x", **own)
    assert own
    assert sent["json"].items() >= own.items()
