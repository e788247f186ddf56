"""The contract as a document: valid, complete, described, and true to its own conventions."""

from __future__ import annotations

import base64
import re
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from contract_tables import DOCUMENT, SCHEMAS, at, families, resolved
from jsonschema_rs import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from PIL import Image
from ruamel.yaml import YAML

from tools.generator.method_conventions import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[2] / "openapi.yaml"
REQUESTS = [name for name in SCHEMAS if name.endswith("Request")]
REPLIES = ["ImagesResponse", "Image", "ImageUsage", "TokensByKind", "SvgUsage", "PartialImageEvent", "CompletedImageEvent"]
# The families of models that there are, were, and may come.
FAMILIES = {
    "dall-e-2": "DallE2",
    "dall-e-3": "DallE3",
    "gpt-image-1": "Gpt Gpt1",
    "gpt-image-1-2025-04-23": "Gpt Gpt1",
    "gpt-image-1-mini": "Gpt Gpt1 Gpt1Mini",
    "gpt-image-1-mini-2025-10-06": "Gpt Gpt1 Gpt1Mini",
    "gpt-image-1.5": "Gpt Gpt1",
    "gpt-image-1.5-2025-12-16": "Gpt Gpt1",
    "gpt-image-1.9": "Gpt Gpt1",
    "chatgpt-image-latest": "Gpt Gpt1",
    "gpt-image-2": "Gpt Gpt2 Gpt2Base",
    "gpt-image-2-2026-04-21": "Gpt Gpt2 Gpt2Base",
    "gpt-image-2-mini": "Gpt Gpt2 Gpt2Base",
    "gpt-image-2.4": "Gpt Gpt2 Gpt2Base",
    "gpt-image-2.4-flare": "Gpt Gpt2 Gpt2Base",
    "gpt-image-2.5": "Gpt Gpt2 Gpt25",
    "gpt-image-2.5-flare": "Gpt Gpt2 Gpt25",
    "gpt-image-2.5-flare-2026-09-08": "Gpt Gpt2 Gpt25",
    "gpt-image-2.5-sunburst": "Gpt Gpt2 Gpt25",
    "gpt-image-2.5-sunburst-2026-09-08": "Gpt Gpt2 Gpt25",
    "gpt-image-2.6-flare": "Gpt Gpt2 Gpt25",
    "gpt-image-2.6-sunburst": "Gpt Gpt2 Gpt25",
    "gpt-image-2.10": "Gpt Gpt2 Gpt25",
    "gpt-image-2.10-flare": "Gpt Gpt2 Gpt25",
    "gpt-image-2.49": "Gpt Gpt2 Gpt25",
    "gpt-image-3": "Gpt Gpt2 Gpt25",
    "gpt-image-3.1-flare": "Gpt Gpt2 Gpt25",
    "gpt-image-9": "Gpt Gpt2 Gpt25",
    "gpt-image-10": "Gpt Gpt2 Gpt25",
    "gpt-image-25-mini": "Gpt Gpt2 Gpt25",
    "gpt-image-next": "Gpt",
    "dall-e": "",
    "dall-e-2-xl": "",
    "dall-e-4": "",
    "DALL-E-2": "",
    "azure/dall-e-3": "",
    "my-gpt-image-2": "",
    "openai/gpt-image-1": "",
    "gpt-5": "",
    "gpt-image": "",
    "flux-1": "",
    "": "",
}


def walk(part: Any, *way: str | int) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every object and value of a document with the way to it."""
    yield way, part
    children = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for step, child in children:
        yield from walk(child, *way, step)


def keywords(name: str) -> list[tuple[tuple[str | int, ...], Any]]:
    """Return all places where a keyword stands; a parameter of that name is none."""
    return [(way, value) for way, value in walk(DOCUMENT) if way[-1:] == (name,) and way[-2:-1] != ("properties",)]


def test_the_contract_is_valid_openapi() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_source_and_the_copy_that_travels_are_the_same_document() -> None:
    assert YAML(typ="safe").load(SOURCE) == DOCUMENT


def test_every_reference_leads_somewhere_within_the_contract() -> None:
    references = {value for _, value in keywords("$ref")}
    assert references
    for reference in references:
        assert reference.startswith("#/")
        assert isinstance(at(reference), dict)


def test_every_schema_is_used() -> None:
    used = {value for _, value in keywords("$ref")} | set(SCHEMAS["ImageStreamEvent"]["discriminator"]["mapping"].values())
    assert {f"#/components/schemas/{name}" for name in SCHEMAS} <= used
    shared = {f"#/components/schemas/{name}/$defs/{rule}" for name, schema in SCHEMAS.items() for rule in schema.get("$defs", ())}
    assert len(shared) > len(SCHEMAS["ImageModel"]["$defs"])
    assert shared <= used


def test_every_schema_and_every_property_is_described() -> None:
    named = {
        f"{name}.{key}": resolved(each) for name, schema in SCHEMAS.items() for key, each in schema.get("properties", {}).items()
    }
    undescribed = [name for name, schema in (SCHEMAS | named).items() if not schema.get("description", "").strip()]
    assert not undescribed


def test_descriptions_are_sentences() -> None:
    # Of a rule it is a reason, which stands in brackets within a message.
    reasons = [value for way, value in keywords("description") if {"then", "$defs"} & set(way)]
    sentences = [value for way, value in keywords("description") if not {"then", "$defs"} & set(way)]
    assert [text for text in sentences if not re.fullmatch(r"[A-Z].*\.", text)] == []
    assert [text for text in reasons if text.endswith(".")] == []


def test_defaults_but_the_models_stand_in_the_branches_of_a_model_only() -> None:
    plain = [way for way, _ in keywords("default") if "then" not in way and "$defs" not in way and way[-2] != "responses"]
    assert {way[-2] for way in plain} == {"model"}
    assert {way[2] for way in plain} == set(REQUESTS)


def test_shared_rules_are_referred_to_where_the_generator_does_not_look() -> None:
    ways = [way for way, value in keywords("$ref") if "/$defs/" in value]
    assert ways
    assert [way for way in ways if "then" not in way and "$defs" not in way] == []


def test_rules_name_families_and_never_a_model() -> None:
    conditions = [value for way, value in walk(DOCUMENT) if way[-1:] == ("model",) and "if" in way]
    assert conditions
    assert all(value["$ref"].startswith("#/components/schemas/ImageModel/$defs/") for value in conditions)


def test_every_extension_and_format_is_explained_at_the_head() -> None:
    head = SOURCE.read_text(encoding="utf-8").partition("\nopenapi:")[0]
    explained = set(re.findall(r"^# (x-[a-z-]+)", head, re.MULTILINE))
    assert {step for way, _ in walk(DOCUMENT) for step in way[-1:] if str(step).startswith("x-")} == explained
    assert {value for way, value in keywords("format") if "x-roles" not in way} == {"binary"}
    facts = {fact for _, rule in keywords("x-image") for fact in rule}
    assert facts | SETTINGS.keys() == set(re.findall(r"^# {20,}(\w+) {2,}", head, re.MULTILINE))


@pytest.mark.parametrize(("model", "expected"), FAMILIES.items())
def test_models_belong_to_families(model: str, expected: str) -> None:
    # One family holds all the others.
    assert families(model) == {*expected.split(), *(["OpenAI"] if expected else [])}


def test_every_known_model_is_in_the_table_and_in_a_family() -> None:
    assert all(FAMILIES[model] for model in SCHEMAS["ImageModel"]["enum"])


@pytest.mark.parametrize("value", [None, 7, True, [], {}])
def test_what_is_no_text_is_in_no_family(value: object) -> None:
    for family in SCHEMAS["ImageModel"]["$defs"].values():
        assert not Draft202012Validator(family).is_valid(value)


def test_retired_models_have_a_date_and_a_living_successor() -> None:
    known, retired = SCHEMAS["ImageModel"]["enum"], SCHEMAS["ImageModel"]["x-retired"]
    assert retired
    for model, end in retired.items():
        assert date.fromisoformat(end["date"])
        assert model in known
        assert end["successor"] in known
        assert end["successor"] not in retired


@pytest.mark.parametrize("request_name", REQUESTS)
def test_any_model_may_be_named_and_the_default_one_is_known(request_name: str) -> None:
    model = SCHEMAS[request_name]["properties"]["model"]
    assert {"type": "string"} in model["anyOf"]
    assert model["default"] in SCHEMAS["ImageModel"]["enum"]


def test_every_operation_documents_its_errors() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            reply = resolved(operation["responses"]["default"])["content"]["application/json"]["schema"]
            assert reply == {"$ref": "#/components/schemas/ErrorResponse"}
    assert "required" not in SCHEMAS["ErrorResponse"]
    assert "required" not in SCHEMAS["ErrorDetail"]


@pytest.mark.parametrize("name", REPLIES)
def test_replies_are_open(name: str) -> None:
    assert set(SCHEMAS[name].get("required", [])) <= {"type"}
    for key, schema in SCHEMAS[name]["properties"].items():
        alternatives = [resolved(each) for each in schema.get("anyOf", [schema])]
        assert not any("enum" in each for each in alternatives)
        assert key == "type" or any("null" in each["type"] for each in alternatives)


# --- what other tools need: `make openapi` runs some of them -------------------------------------------------------------------


def test_every_reference_leads_to_what_openapi_knows() -> None:
    # OpenAPI Generator stops at others: https://spec.openapis.org/oas/v3.1.1.html#fixed-fields-5
    for _, reference in keywords("$ref"):
        step, kind, _, *way = reference.removeprefix("#/").split("/")
        assert (step, kind) in {("components", "schemas"), ("components", "responses")}
        assert way[:1] in ([], ["$defs"])


def test_requests_have_their_rules_where_generators_do_not_look() -> None:
    # OpenAPI Generator leaves the properties beside an `allOf` as they are, and can't write them then.
    for name in REQUESTS:
        assert SCHEMAS[name]["if"] == {"type": "object"}
        assert not SCHEMAS[name].keys() & {"allOf", "anyOf", "oneOf"}


def test_nothing_but_a_note_stands_beside_a_reference() -> None:
    referring = [part.keys() for _, part in walk(DOCUMENT) if isinstance(part, dict) and "$ref" in part]
    assert set().union(*referring) <= {"$ref", "x-reference-of"}


def test_every_answer_has_an_example_that_is_right() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                # Of events, a mock server would need the whole stream as a text.
                for media in (each for kind, each in resolved(response)["content"].items() if kind == "application/json"):
                    validator = Draft202012Validator({**media["schema"], "components": DOCUMENT["components"]})
                    assert validator.is_valid(media["example"])


def test_an_image_of_an_example_can_be_read() -> None:
    (image,) = DOCUMENT["components"]["responses"]["Images"]["content"]["application/json"]["example"]["data"]
    with Image.open(BytesIO(base64.b64decode(image["b64_json"]))) as opened:
        opened.load()


def test_every_file_of_a_form_has_an_encoding() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            for media in (each for kind, each in operation["requestBody"]["content"].items() if kind == "multipart/form-data"):
                properties = resolved(media["schema"])["properties"]
                files = {name for name, schema in properties.items() if "x-image" in schema}
                assert {name for name, said in media["encoding"].items() if said.get("contentType") == "image/*"} == files
