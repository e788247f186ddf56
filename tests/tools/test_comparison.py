"""What two documents are compared by: schemas in one form, whichever way they are written; what a change means for callers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from generation import copy_project, our_contract, run
from ruamel.yaml import YAML

from tools import generate
from tools.changes import changes
from tools.comparison.differences import differences
from tools.comparison.documents import Document, operations
from tools.comparison.facts import Entries, read_facts
from tools.generator.trees import contents

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openapi_styles import Schema

NODE = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "value": {"type": "string"}}}
SHARED: dict[str, Any] = {
    "Text": {"type": "string", "maxLength": 9},
    "Colour": {"type": "string", "enum": ["red", "blue"]},
    "Node": NODE,
}
TEXT = {"$ref": "#/components/schemas/Text"}
COLOUR = {"$ref": "#/components/schemas/Colour"}
PAIR = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}


def entries(path: Any) -> Entries:
    document = Document("here", {"openapi": "3.1.0", "paths": {"/x": path}, "components": {"schemas": SHARED}})
    return read_facts({path: (method, item) for method, path, item in operations(document)}).entries


def sending(schema: Any) -> Entries:
    return entries({"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}})


def streaming(schema: Any) -> Entries:
    return entries({"post": {"responses": {"200": {"content": {"text/event-stream; charset=utf-8": {"schema": schema}}}}}})


def told(left: Any, right: Any) -> list[tuple[str, Any, Any]]:
    found = differences(sending(left), sending(right))
    return [(".".join((*each.place.field, each.aspect)), each.left, each.right) for each in found]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": ["integer", "null"], "minimum": 1}, {"type": "integer", "minimum": 1, "nullable": True}),
        ({"type": ["integer", "null"]}, {"anyOf": [{"type": "null"}, {"type": "integer"}]}),
        ({"type": ["integer", "null"]}, {"oneOf": [{"type": "integer", "title": "N"}, {"const": None}]}),
        ({"type": ["integer", "string"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": ["string", "null"], "enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}),
        ({"type": "string", "const": "a"}, {"enum": ["a"]}),
        (TEXT, SHARED["Text"]),
        (TEXT, {"allOf": [TEXT]}),
        ({"allOf": [TEXT], "nullable": True}, {"type": ["string", "null"], "maxLength": 9}),
        ({**TEXT, "nullable": True}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"allOf": [TEXT, {"maxLength": 4}, {"minLength": 0}]}, {"type": "string", "maxLength": 4}),
        ({"anyOf": [TEXT, {"type": "string", "maxLength": 12}]}, {"type": "string", "maxLength": 12}),
        ({"anyOf": [TEXT, {"type": "string"}]}, {"type": "string"}),
        ({"anyOf": [COLOUR, {"const": "green"}]}, {"type": "string", "enum": ["green", "blue", "red"]}),
        ({"allOf": [COLOUR, {"enum": ["blue", "green"]}]}, {"type": "string", "enum": ["blue"]}),
        ({"anyOf": [COLOUR, {"type": "string"}]}, {"anyOf": [{"type": "string"}, {"anyOf": [COLOUR]}]}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}),
        ({"type": "number", "maximum": 2, "exclusiveMaximum": True}, {"type": "number", "exclusiveMaximum": 2}),
        ({"type": "number", "maximum": 2, "exclusiveMaximum": False}, {"type": "number", "maximum": 2.0}),
        ({"type": "string", "format": "binary"}, {"type": "string", "contentMediaType": "application/octet-stream"}),
        ({"type": "string", "format": "uri", "example": "x", "x-order": 1}, {"type": "string", "description": "A link."}),
        ({"type": "string", "minimum": 3, "default": None}, {"type": "string"}),
        ({"anyOf": [{"type": "integer", "default": 0}, {"type": "null"}]}, {"type": ["integer", "null"], "default": 0}),
        (
            PAIR,
            {
                "allOf": [
                    {"required": ["a"]},
                    {"properties": {"b": {"type": "integer"}}},
                    {"properties": {"a": {"type": "string"}}},
                ]
            },
        ),
        ({**PAIR, "required": []}, {**PAIR, "required": [], "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        ({"type": "array", "items": TEXT}, {"items": SHARED["Text"]}),
        ({"$ref": "#/components/schemas/Node"}, {"allOf": [{"$ref": "#/components/schemas/Node"}]}),
    ],
)
def test_two_ways_to_say_the_same(one: Any, other: Any) -> None:
    assert told(one, other) == []


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (PAIR, {**PAIR, "required": ["b"]}, [("a.required", True, False), ("b.required", False, True)]),
        ({"type": "integer"}, {"type": "number"}, [("types", None, "number")]),
        ({"type": ["integer", "null"]}, {}, [("types", frozenset({"integer"}), None)]),
        (COLOUR, {"type": "string"}, [("choices", frozenset({"red", "blue"}), None)]),
        ({"anyOf": [COLOUR, {"type": "string"}]}, {"type": "string"}, [("named choices", frozenset({"red", "blue"}), None)]),
        ({"anyOf": [COLOUR, {"type": "string"}]}, COLOUR, [("other values allowed", True, False)]),
        ({"anyOf": [COLOUR, {"type": "integer"}]}, COLOUR, [("types", "integer", None)]),
        ({"type": "integer", "default": 0}, {"type": "integer"}, [("default", 0, None)]),
        ({"type": "string", "pattern": "a"}, {"type": "string", "pattern": "b"}, [("pattern", "a", "b")]),
        ({"type": "object"}, {"type": "object", "additionalProperties": False}, [("other fields allowed", True, False)]),
        (
            {"$ref": "#/components/schemas/Node"},
            {**NODE, "properties": {"value": TEXT}},
            [("next.presence", True, None), ("value.maxLength", None, 9)],
        ),
        (
            {"type": "array", "items": TEXT},
            {"type": "array", "items": COLOUR},
            [("[*].choices", None, frozenset({"red", "blue"})), ("[*].maxLength", 9, None)],
        ),
    ],
)
def test_two_things_that_differ(one: Any, other: Any, found: list[Any]) -> None:
    assert told(one, other) == found
    assert [(name, right, left) for name, left, right in told(other, one)] == found


def test_events_go_by_their_type() -> None:
    def event(*types: str) -> Any:
        return {"type": "object", "properties": {"type": {"enum": list(types)}, "size": {"type": "string"}}}

    in_one, in_two = streaming(event("a", "b")), streaming({"oneOf": [event("a"), event("b")]})
    assert {place.part for place in in_one} == {"", "event a", "event b"}
    assert list(differences(in_one, in_two)) == []
    assert [each.place.part for each in differences(in_one, streaming(event("a")))] == ["event b"]
    assert {place.part for place in streaming({"type": "string"})} == {"", "event of any type"}


def test_parameters_outside_of_the_body() -> None:
    size = {"name": "size", "in": "query", "schema": {"type": "string"}}
    needed_size = {**size, "required": True}
    trace = {"name": "trace", "in": "header", "schema": {"type": "string"}}
    of_operation = entries({"post": {"parameters": [trace, needed_size]}})
    of_path = entries({"parameters": [size, trace], "post": {}})
    (found,) = differences(of_operation, of_path)
    assert (found.place.part, found.place.field, found.aspect, found.left) == ("query parameters", ("size",), "required", True)
    # An operation's own go before those of its path.
    assert list(differences(of_operation, entries({"parameters": [size, trace], "post": {"parameters": [needed_size]}}))) == []
    assert list(differences(of_path, entries({"parameters": [needed_size, trace], "post": {"parameters": [size]}}))) == []


def _property(name: str, schema: Any) -> Callable[[Schema], None]:
    def change(document: Schema) -> None:
        document["components"]["schemas"]["CreateImageRequest"]["properties"][name] = schema

    return change


def _schema(name: str, **keywords: Any) -> Callable[[Schema], None]:
    def change(document: Schema) -> None:
        document["components"]["schemas"][name] |= keywords

    return change


def _without(name: str, keyword: str) -> Callable[[Schema], None]:
    def change(document: Schema) -> None:
        del document["components"]["schemas"][name][keyword]

    return change


def _operation(document: Schema) -> None:
    operation = {**document["paths"]["/images/generations"]["post"], "operationId": "createCollage"}
    document["paths"]["/images/collages"] = {"post": operation}


def _rule(condition: Any, consequence: Any) -> Callable[[Schema], None]:
    def change(document: Schema) -> None:
        document["components"]["schemas"]["CreateImageRequest"]["then"]["allOf"].append({"if": condition, "then": consequence})

    return change


def _shared_rule(name: str, **keywords: Any) -> Callable[[Schema], None]:
    def change(document: Schema) -> None:
        rule = document["components"]["schemas"]["CreateImageRequest"]["$defs"][f"{name}Rules"]
        rule |= {key: {**rule[key], **value} for key, value in keywords.items()}

    return change


def _new_family(document: Schema) -> None:
    document["components"]["schemas"]["ImageModel"]["$defs"]["Otter"] = {"type": "string", "pattern": "^otter-"}
    is_otter = {"properties": {"model": {"$ref": "#/components/schemas/ImageModel/$defs/Otter"}}, "required": ["model"]}
    _rule(is_otter, {"properties": {"n": {"maximum": 2}, "style": False, "quality": {"default": "high"}}})(document)
    _rule({"not": is_otter}, {"properties": {"user": False}})(document)


def _other_pattern(document: Schema) -> None:
    document["components"]["schemas"]["ImageModel"]["$defs"]["DallE2"]["pattern"] = "^dall-e-[12]$"


def _retire(document: Schema) -> None:
    document["components"]["schemas"]["ImageModel"]["x-retired"]["gpt-image-2"] = {"date": "2027-01-01", "successor": "otter-1"}


def _forget_event(document: Schema) -> None:
    del document["components"]["schemas"]["ImageStreamEvent"]["discriminator"]["mapping"]["image_edit.completed"]


def _smaller_pictures(document: Schema) -> None:
    document["components"]["schemas"]["CreateImageRequest"]["$defs"]["DallE2ImageRules"]["x-image"] |= {
        "types": ["image/png", "image/gif"],
        "bytesBelow": 9,
    }


ALL = "`createImage`, `createImageEdit`, `createImageVariation`"
CREATION, CREATE_AND_EDIT, EDIT_AND_VARY = (
    "`createImage`",
    "`createImage`, `createImageEdit`",
    "`createImageEdit`, `createImageVariation`",
)
SCHEMAS = our_contract()["components"]["schemas"]
MODEL = SCHEMAS["CreateImageRequest"]["properties"]["model"]
BYTES = our_contract()["components"]["schemas"]["CreateImageRequest"]["$defs"]["DallE2ImageRules"]["x-image"]["bytesBelow"]
ERROR_TYPE = {**SCHEMAS["ErrorDetail"]["properties"], "type": {"enum": ["a", "b", None]}}
IS_SVG = {"properties": {"output_format": {"const": "svg"}}, "required": ["output_format"]}
OTTER = f"{CREATION}: `{{}}`, when model is in Otter: {{}}".format
SMALL = f"{EDIT_AND_VARY}: `image`, when model is in DallE2: {{}}".format
TOKENS = ["input_tokens", "output_tokens", "reasoning_tokens", "total_tokens"]
SVG_USAGE = f"{ALL}: `svg_usage.{{}}` of replies: {{}}".format

# What is changed; then what breaks callers and what doesn't, and the same of the way back.
CHANGES: dict[str, tuple[Callable[[Schema], None], list[str], list[str], list[str], list[str]]] = {
    "an option": (
        _property("glow", {"type": "integer", "minimum": 0, "maximum": 99}),
        [],
        [f"{CREATION}: `glow`: new (types integer, minimum 0, maximum 99)"],
        [f"{CREATION}: `glow`: gone"],
        [],
    ),
    "a bound": (
        _schema("ImageCount", minimum=2),
        [f"{ALL}: `n`: minimum 2 (was 1)"],
        [],
        [],
        [f"{ALL}: `n`: minimum 1 (was 2)"],
    ),
    "a lower bound": (
        _schema("ImageCount", minimum=0),
        [],
        [f"{ALL}: `n`: minimum 0 (was 1)"],
        [f"{ALL}: `n`: minimum 1 (was 0)"],
        [],
    ),
    "a choice": (
        _schema("ImageStyle", enum=["vivid", "natural", "odd"]),
        [],
        [f"{CREATION}: `style`: choice odd new", f"{CREATION}: `style`, when model is in OpenAI or missing: choice odd new"],
        [f"{CREATION}: `style`, when model is in OpenAI or missing: choice odd gone"],
        [f"{CREATION}: `style`: choice odd gone"],
    ),
    "a choice among others that may be used": (
        _schema("ImageSize", enum=SCHEMAS["ImageSize"]["enum"][1:]),
        [],
        [f"{CREATE_AND_EDIT}: `size`: choice auto gone"],
        [],
        [f"{CREATE_AND_EDIT}: `size`: choice auto new"],
    ),
    "a bound that is no more": (
        _without("ImageCount", "minimum"),
        [],
        [f"{ALL}: `n`: no longer minimum 1"],
        [f"{ALL}: `n`: minimum 1 (was none)"],
        [],
    ),
    "choices that are no more": (
        _property("style", {"type": ["string", "null"]}),
        [],
        [f"{CREATION}: `style`: no longer named choices natural, vivid"],
        [],
        [f"{CREATION}: `style`: named choices natural, vivid (was any)"],
    ),
    "a default that is no more": (
        _property("model", {key: value for key, value in MODEL.items() if key != "default"}),
        [f"{CREATION}: `model`: no longer default {MODEL['default']}"],
        [],
        [f"{CREATION}: `model`: default {MODEL['default']} (was none)"],
        [],
    ),
    "an operation": (
        _operation,
        [],
        ["`createCollage`: the operation: new"],
        ["`createCollage`: the operation: gone"],
        [],
    ),
    "null": (
        _property("user", {"type": ["string", "null"]}),
        [],
        [f"{CREATION}: `user`: null allowed yes (was no)"],
        [f"{CREATION}: `user`: null allowed no (was yes)"],
        [],
    ),
    "required": (
        _schema("CreateImageRequest", required=["prompt", "model"]),
        [f"{CREATION}: `model`: required yes (was no)"],
        [],
        [],
        [f"{CREATION}: `model`: required no (was yes)"],
    ),
    "a wider type": (
        _property("user", {"type": ["string", "integer"]}),
        [],
        [f"{CREATION}: `user`: type integer new"],
        [f"{CREATION}: `user`: type integer gone"],
        [],
    ),
    "the default model": (
        _property("model", {**MODEL, "default": "otter-1"}),
        [f"{CREATION}: `model`: default otter-1 (was {MODEL['default']})"],
        [],
        [f"{CREATION}: `model`: default {MODEL['default']} (was otter-1)"],
        [],
    ),
    "fields of a reply": (
        _schema("SvgUsage", properties={"model": {"type": "string"}}),
        [SVG_USAGE(name, "gone") for name in TOKENS],
        [SVG_USAGE("model", "null allowed no (was yes)")],
        [SVG_USAGE("model", "null allowed yes (was no)")],
        [SVG_USAGE(name, "new (types integer)") for name in TOKENS],
    ),
    "a reply that is closed": (
        _schema("ErrorDetail", properties=ERROR_TYPE),
        [],
        [f"{ALL}: `error.type` of errors: choices a, b (was any)"],
        [f"{ALL}: `error.type` of errors: no longer choices a, b"],
        [],
    ),
    "a field of a reply that is always there": (
        _schema("ImagesResponse", required=["created"]),
        [],
        [f"{ALL}: `created` of replies: required yes (was no)"],
        [f"{ALL}: `created` of replies: required no (was yes)"],
        [],
    ),
    "an event": (
        _forget_event,
        [f"{ALL}: the event `image_edit.completed`: gone"],
        [],
        [],
        [f"{ALL}: the event `image_edit.completed`: new (types object)"],
    ),
    "a family": (
        _new_family,
        [f"{CREATION}: `user`, when not (model is in Otter): refused"],
        [
            "family of models `Otter`: new (pattern ^otter-)",
            *(OTTER("n", "maximum 2"), OTTER("quality", "default high"), OTTER("style", "refused")),
        ],
        ["family of models `Otter`: gone", OTTER("quality", "no longer default high")],
        [
            *(OTTER("n", "no longer maximum 2"), OTTER("style", "no longer refused")),
            f"{CREATION}: `user`, when not (model is in Otter): no longer refused",
        ],
    ),
    "a family's models": (
        _other_pattern,
        ["family of models `DallE2`: pattern ^dall-e-[12]$ (was ^dall-e-2$)"],
        [],
        ["family of models `DallE2`: pattern ^dall-e-2$ (was ^dall-e-[12]$)"],
        [],
    ),
    "a bound of a family": (
        _shared_rule("DallE2", properties={"prompt": {"maxLength": 900}}),
        [f"{CREATE_AND_EDIT}: `prompt`, when model is in DallE2: maxLength 900 (was 1000)"],
        [],
        [],
        [f"{CREATE_AND_EDIT}: `prompt`, when model is in DallE2: maxLength 1000 (was 900)"],
    ),
    "a default of a family": (
        _shared_rule("DallE2", properties={"n": {"default": 2}}),
        [f"{CREATE_AND_EDIT}: `n`, when model is in DallE2: default 2 (was 1)"],
        [],
        [f"{CREATE_AND_EDIT}: `n`, when model is in DallE2: default 1 (was 2)"],
        [],
    ),
    "what pictures a family takes": (
        _smaller_pictures,
        [SMALL(f"x-image.bytesBelow 9 (was {BYTES})")],
        [SMALL("media type image/gif new")],
        [SMALL("media type image/gif gone")],
        [SMALL(f"x-image.bytesBelow {BYTES} (was 9)")],
    ),
    "a rule between fields": (
        _rule(IS_SVG, {"properties": {"user": False}}),
        [f"{CREATION}: `user`, when output_format is svg: refused"],
        [],
        [],
        [f"{CREATION}: `user`, when output_format is svg: no longer refused"],
    ),
    "a rule that need not be asked for": (
        _rule({"properties": {"output_format": {"enum": ["png", "gif"]}}}, {"properties": {"user": False}}),
        [f"{CREATION}: `user`, when output_format is gif or png or missing: refused"],
        [],
        [],
        [f"{CREATION}: `user`, when output_format is gif or png or missing: no longer refused"],
    ),
    "a rule that operations share": (
        _shared_rule("NotDallE3", then={"properties": {"user": {"maxLength": 9}}}),
        [f"{EDIT_AND_VARY}: `user`, when model is in DallE3: maxLength 9"],
        [f"{EDIT_AND_VARY}: `model`, when model is in DallE3: no longer refused"],
        [f"{EDIT_AND_VARY}: `model`, when model is in DallE3: refused"],
        [f"{EDIT_AND_VARY}: `user`, when model is in DallE3: no longer maxLength 9"],
    ),
    "a retired model": (
        _retire,
        [],
        ["retired model `gpt-image-2`: new (date 2027-01-01, successor otter-1)"],
        [],
        ["retired model `gpt-image-2`: gone"],
    ),
    "words": (_schema("ImageCount", description="How many."), [], [], [], []),
}


def _markdown(breaking: list[str], compatible: list[str]) -> str:
    sections = {"### Breaking": breaking, "### Compatible": compatible}
    texts = ["\n".join([title, *(f"- {line}" for line in lines)]) for title, lines in sections.items() if lines]
    return "\n\n".join(texts) or "Nothing changed for callers."


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_of_the_contract_means_for_callers(name: str) -> None:
    change, *lines = CHANGES[name]
    document = our_contract()
    before = json.dumps(document).encode()
    change(document)
    after = json.dumps(document).encode()
    assert changes(before, after, "HEAD") == _markdown(*lines[:2])
    assert changes(after, before, "HEAD") == _markdown(*lines[2:])


class TestMakeGenerate:
    """The summary at its end, which is of what will be committed and not of what ran before."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        folder = copy_project(tmp_path)
        git(folder, "init", "--quiet", "--initial-branch=main")
        commit(folder, "v1")
        return folder

    @pytest.fixture
    def said(self, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
        def said(project: Path, *arguments: str, code: int = 0) -> str:
            assert generate.main(["--root", str(project), *arguments]) == code
            printed = capsys.readouterr()
            return printed.out if code == 0 else printed.err

        return said

    def test_it_says_the_same_however_often_it_runs(self, project: Path, said: Callable[..., str]) -> None:
        assert said(project) == "Nothing changed for callers.\n"
        set_minimum(project, 0)
        summary = f"### Compatible\n- {ALL}: `n`: minimum 0 (was 1)\n"
        assert [said(project) for _ in range(2)] == [summary, summary]
        commit(project, "v2")
        assert said(project) == "Nothing changed for callers.\n"
        assert said(project, "--base", "v1") == summary

    def test_what_was_changed_and_changed_back_is_no_change(self, project: Path, said: Callable[..., str]) -> None:
        set_minimum(project, 0)
        said(project)
        set_minimum(project, 1)
        assert said(project) == "Nothing changed for callers.\n"

    @pytest.mark.parametrize("revision", ["v9", "--all", "-h", ""])
    def test_a_revision_that_is_none_is_named_before_anything_is_written(
        self, project: Path, said: Callable[..., str], revision: str
    ) -> None:
        set_minimum(project, 0)
        before = contents(project)
        printed = said(project, f"--base={revision}", code=1)
        assert "were left as they are" in printed
        assert f"revision {revision}" in printed or f"{revision} is no revision" in printed
        assert contents(project) == before

    def test_a_revision_without_a_contract(self, project: Path, said: Callable[..., str]) -> None:
        git(project, "rm", "-r", "--quiet", "--cached", "generated")
        commit(project, "v0", "openapi.yaml")
        assert said(project) == "There is no contract in HEAD to compare with.\n"

    def test_a_contract_that_git_has_in_another_form(self, project: Path, said: Callable[..., str]) -> None:
        (project / generate.PACKAGE / "openapi.json").write_text("{\n<<<<<<< HEAD\n}", encoding="utf-8")
        commit(project, "v0")
        assert said(project).startswith("What changed for callers can't be told. the contract of HEAD:2:1: isn't JSON: ")

    def test_without_a_repository_it_is_made_and_nothing_is_told(self, tmp_path: Path, said: Callable[..., str]) -> None:
        folder = copy_project(tmp_path)
        assert said(folder).startswith(f"What changed for callers can't be told. git finds no revision HEAD of {folder}")

    def test_without_git_it_is_made_and_nothing_is_told(
        self, tmp_path: Path, said: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = copy_project(tmp_path)
        monkeypatch.setenv("PATH", "")
        assert said(folder) == "What changed for callers can't be told. git can't be run: No such file or directory.\n"


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Otter", "-c", "user.email=otter@example.com", "-c", "commit.gpgsign=false")
    run("git", *who, *arguments, folder=folder)


def commit(folder: Path, tag: str, *paths: str) -> None:
    git(folder, "add", *(paths or ["--all"]))
    git(folder, "commit", "--quiet", "--message", tag)
    git(folder, "tag", tag)


def set_minimum(project: Path, minimum: int) -> None:
    yaml = YAML()
    document = yaml.load(project / "openapi.yaml")
    document["components"]["schemas"]["ImageCount"]["minimum"] = minimum
    yaml.dump(document, project / "openapi.yaml")
