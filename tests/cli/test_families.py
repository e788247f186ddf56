"""What each family of models takes: the decisions in words, what other code reads in the contract, and other contracts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import contract_tables
import pytest
from changed_contract import ChangedContract
from generation import our_contract

from images_api.cli import _families, _operations
from images_api.cli._facts import use

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from images_api._contract.operations import Operation
    from images_api.cli._facts import Use
    from tools.generator.document import Schema

COMMANDS = _operations.commands()
OPERATIONS = list(COMMANDS.values())
MODELS = _families.known_models()

GPT25, GPT2, GPT1 = "gpt-image-2.5 and later", "gpt-image-2 before 2.5", "gpt-image-1.x and chatgpt-image"
MINI, DALLE3, DALLE2 = "gpt-image-1-mini", "dall-e-3", "dall-e-2"
GPT = (GPT25, GPT2, GPT1, MINI)
MEMBERS = {
    GPT25: (
        "gpt-image-2.6-sunburst",
        "gpt-image-2.6-flare",
        "gpt-image-2.5-sunburst",
        "gpt-image-2.5-sunburst-2026-09-08",
        "gpt-image-2.5-flare",
        "gpt-image-2.5-flare-2026-09-08",
    ),
    GPT2: ("gpt-image-2", "gpt-image-2-2026-04-21"),
    GPT1: ("gpt-image-1.5", "gpt-image-1", "chatgpt-image-latest"),
    MINI: ("gpt-image-1-mini",),
    DALLE3: ("dall-e-3",),
    DALLE2: ("dall-e-2",),
}
FREE_SIZES = "auto or WIDTHxHEIGHT: multiples of 16, no side above 3840, 655360 to 8294400 pixels, ratio at most 3:1"
GPT_SIZES = "auto, 1024x1024, 1536x1024, 1024x1536"
SMALL_SIZES = "256x256, 512x512, 1024x1024"
EVERY_QUALITY, FEWER_QUALITIES = "low, medium, high, xhigh, max, auto", "low, medium, high, auto"
MASK = "one png image with an alpha channel, under 4 MB, as wide and high as image"
SQUARE = "one square png image, under 4 MB"
BOTH, CREATING, EDITING, VARYING = ("generate", "edit"), ("generate",), ("edit",), ("variation",)
# Which families, commands and parameter; what may be given in words, or None where it isn't taken; and the default.
WORDS: list[tuple[tuple[str, ...], tuple[str, ...], str, str | None, object]] = [
    (GPT, BOTH, "prompt", "1 to 32000 characters", None),
    ((DALLE3,), CREATING, "prompt", "1 to 4000 characters", None),
    ((DALLE2,), BOTH, "prompt", "1 to 1000 characters", None),
    (GPT, BOTH, "n", "1 to 10", None),
    ((DALLE3,), CREATING, "n", "1", 1),
    ((DALLE2,), (*BOTH, *VARYING), "n", "1 to 10", 1),
    ((GPT25, GPT2), BOTH, "size", FREE_SIZES, None),
    ((GPT1, MINI), BOTH, "size", GPT_SIZES, None),
    ((DALLE3,), CREATING, "size", "1024x1024, 1792x1024, 1024x1792", "1024x1024"),
    ((DALLE2,), (*BOTH, *VARYING), "size", SMALL_SIZES, "1024x1024"),
    ((GPT25,), BOTH, "quality", EVERY_QUALITY, None),
    ((GPT2, GPT1, MINI), BOTH, "quality", FEWER_QUALITIES, None),
    ((DALLE3,), CREATING, "quality", "standard, hd", None),
    ((DALLE2,), BOTH, "quality", "standard", None),
    (GPT, BOTH, "response_format", None, None),
    ((DALLE3,), CREATING, "response_format", "url, b64_json", "url"),
    ((DALLE2,), (*BOTH, *VARYING), "response_format", "url, b64_json", "url"),
    ((*GPT, DALLE2), CREATING, "style", None, None),
    ((DALLE3,), CREATING, "style", "vivid, natural", None),
    (GPT, BOTH, "background", "transparent, opaque, auto", None),
    (GPT, BOTH, "moderation", "low, auto", None),
    (GPT, BOTH, "output_format", "png, jpeg, webp, gif, svg", None),
    (GPT, BOTH, "output_compression", "0 to 100", None),
    (GPT, BOTH, "partial_images", "0 to 3", None),
    (GPT, BOTH, "complexity", "low, medium, high", None),
    (GPT, BOTH, "frame_count", "2 to 16", None),
    (GPT, BOTH, "frame_duration_ms", "0 to 655350", None),
    (GPT, CREATING, "svg", "model: required; reasoning.effort: none, minimal, low, medium, high, xhigh, max", None),
    (GPT, EDITING, "svg", "reasoning.effort: none, minimal, low, medium, high, xhigh, max", None),
    *(
        row
        for name in ("background", "moderation", "output_format", "output_compression", "partial_images", "complexity", "svg")
        for row in [((DALLE2,), BOTH, name, None, None), ((DALLE3,), CREATING, name, None, None)]
    ),
    *(((DALLE2, DALLE3), CREATING, name, None, None) for name in ("frame_count", "frame_duration_ms")),
    (GPT, EDITING, "image", "1 to 16 png, jpeg or webp images, under 50 MB each", None),
    ((DALLE2,), (*EDITING, *VARYING), "image", SQUARE, None),
    ((*GPT, DALLE2), EDITING, "mask", MASK, None),
    ((GPT25,), EDITING, "markup", MASK, None),
    ((GPT2, GPT1, MINI, DALLE2), EDITING, "markup", None, None),
    ((GPT25, GPT2, DALLE2), EDITING, "input_fidelity", None, None),
    ((GPT1,), EDITING, "input_fidelity", "high, low", None),
    ((MINI,), EDITING, "input_fidelity", "low", None),
]


def of(family: str, command: str) -> Use:
    (found,) = [each for each in _families.families() if each.title == family]
    return found.use(COMMANDS[command])


def test_the_families_are_what_takes_the_same() -> None:
    assert {each.title: each.models for each in _families.families()} == MEMBERS


@pytest.mark.parametrize(
    ("family", "command", "name", "words", "default"),
    [(family, command, *row[2:]) for row in WORDS for family in row[0] for command in row[1]],
)
def test_the_decisions_in_words(family: str, command: str, name: str, words: str | None, default: object) -> None:
    found = of(family, command)
    assert (name in found.parameters) == (words is not None)
    if words is not None:
        assert "; ".join(_families.described(found.parameters[name]).values()) == words
        assert found.parameters[name].default == default


def test_who_takes_which_operation_and_why_not() -> None:
    taken = {family: [command for command in COMMANDS if of(family, command).bodies] for family in MEMBERS}
    assert taken == {**{family: list(BOTH) for family in GPT}, DALLE3: ["generate"], DALLE2: [*BOTH, "variation"]}
    assert of(GPT2, "variation").reason == "GPT models create and edit, they do not vary"
    assert of(DALLE3, "edit").reason == "dall-e-3 creates images, it neither edits nor varies them"
    assert of(DALLE3, "edit").parameters == {}
    assert {family for family in MEMBERS for command in COMMANDS if of(family, command).streams} == set(GPT)


def test_why_a_parameter_is_not_taken() -> None:
    assert of(GPT2, "edit").reasons["response_format"] == "leave it out: base64 always comes"
    assert of(GPT2, "edit").reasons["markup"] == "markup begins with gpt-image-2.5"
    assert of(DALLE2, "edit").reasons["moderation"] == "dall-e-2 takes uploaded images only"
    assert of(DALLE2, "edit").reasons["svg"] == ""


def test_what_depends_on_another_parameter_is_no_familys_rule() -> None:
    found = of(GPT25, "edit")
    # With a gif there is neither; with a mask no markup; without a format no compression; without a stream no partial images.
    assert {"mask", "markup", "partial_images", "frame_count", "svg", "output_compression"} <= found.parameters.keys()
    assert "transparent" in found.parameters["background"].choices
    # Without a mask, its image needs an alpha channel.
    assert "alpha" not in of(DALLE2, "edit").parameters["image"].image


def test_the_bodies_that_have_a_parameter() -> None:
    form, reference = "multipart/form-data", "application/json"
    bodies = {name: facts.bodies for name, facts in of(GPT25, "edit").parameters.items()}
    told = {name: bodies[name] for name in ("image", "mask", "markup", "moderation", "size", "complexity")}
    assert told == {
        "image": (form, reference),
        "mask": (form, reference),
        "markup": (form,),
        "moderation": (reference,),
        "size": (form, reference),
        "complexity": (form,),
    }
    assert of(DALLE2, "edit").bodies == (form,)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("operation", OPERATIONS, ids=list(COMMANDS))
def test_what_the_contract_says_to_other_code(operation: Operation, model: str) -> None:
    found = use(operation, model)
    for kind, body in operation.bodies.items():
        request = body.pointer.rpartition("/")[2]
        assert (kind in found.bodies) == contract_tables.supports(request, "model", model)
        if kind not in found.bodies:
            continue
        for name in body.properties.keys() & _operations.parameters(operation).keys() - body.references.keys():
            facts = found.parameters.get(name)
            assert (facts is not None and kind in facts.bodies) == contract_tables.supports(request, name, model)
            if facts is None or name == "model":
                continue
            assert set(facts.choices) == set(contract_tables.choices(request, name, model)) - {None}
            assert facts.default == contract_tables.defaults(request, model).get(name)
            for keyword in ("minimum", "maximum", "maxLength"):
                assert facts.bounds.get(keyword) == contract_tables.bound(request, name, model, keyword)
            for rule in ("types", "bytesBelow", "square"):
                assert facts.image.get(rule) == contract_tables.picture_rule(request, name, model, rule)


@pytest.mark.parametrize(
    ("command", "name", "notes"),
    [
        ("generate", "prompt", ["1 to 32000 characters", "dall-e-3: 1 to 4000 characters", "dall-e-2: 1 to 1000 characters"]),
        ("generate", "model", ["default: gpt-image-2.5-flare"]),
        ("generate", "n", ["1 to 10", "dall-e-3: 1", "default for dall-e-3 and dall-e-2: 1"]),
        (
            "generate",
            "size",
            [
                FREE_SIZES,
                f"gpt-image-1.x and chatgpt-image: {GPT_SIZES}",
                "dall-e-3: 1024x1024, 1792x1024, 1024x1792",
                f"dall-e-2: {SMALL_SIZES}",
                "default for dall-e-3 and dall-e-2: 1024x1024",
            ],
        ),
        (
            "generate",
            "quality",
            [
                f"gpt-image-2.5 and later: {EVERY_QUALITY}",
                f"gpt-image-1.x and chatgpt-image, gpt-image-2 before 2.5: {FEWER_QUALITIES}",
                "dall-e-3: standard, hd",
                "dall-e-2: standard",
            ],
        ),
        ("generate", "style", ["only for dall-e-3"]),
        ("generate", "response_format", ["not for GPT image models", "default: url"]),
        ("generate", "output_compression", ["0 to 100", "only for GPT image models"]),
        ("generate", "user", []),
        ("edit", "image", ["1 to 16 png, jpeg or webp images, under 50 MB each", f"dall-e-2: {SQUARE}"]),
        ("edit", "mask", [MASK]),
        ("edit", "markup", [MASK, "only for gpt-image-2.5 and later", "not when images are given by reference"]),
        ("edit", "model", ["of the known models, not dall-e-3", "default: gpt-image-2.5-flare"]),
        ("edit", "moderation", ["only for GPT image models", "only when images are given by reference"]),
        ("edit", "input_fidelity", ["gpt-image-1-mini: low", "only for gpt-image-1.x and chatgpt-image"]),
        ("variation", "model", ["of the known models, only dall-e-2", "default: dall-e-2"]),
        ("variation", "size", ["default: 1024x1024"]),
    ],
)
def test_the_notes_for_an_options_help(command: str, name: str, notes: list[str]) -> None:
    assert _families.limits(COMMANDS[command], name) == notes


def test_every_parameter_has_notes_in_one_line_each() -> None:
    notes = [note for each in OPERATIONS for name in _operations.parameters(each) for note in _families.limits(each, name)]
    assert all(note.isprintable() and note == note.strip() for note in notes)


@pytest.mark.parametrize(
    ("models", "among", "name"),
    [
        ([DALLE2], MODELS, "dall-e-2"),
        ([each for each in MODELS if "dall" not in each], MODELS, "GPT image models"),
        (MODELS, MODELS, "OpenAI's models"),
        (["gpt-image-1.5", "gpt-image-1"], MODELS, "gpt-image-1.5 and gpt-image-1"),
        (["gpt-image-1.5", "dall-e-2"], MODELS, "dall-e-2 and gpt-image-1.5"),
        (["gpt-image-1-mini"], ["gpt-image-1-mini", "dall-e-2"], "gpt-image-1-mini"),
    ],
)
def test_models_have_the_names_of_families(models: list[str], among: list[str], name: str) -> None:
    assert _families.named(models, among) == name


@pytest.mark.parametrize(
    ("model", "title"),
    [
        ("gpt-image-3", GPT25),
        ("gpt-image-2.5-flare-2031-01-01", GPT25),
        ("gpt-image-2-2030-01-01", GPT2),
        ("gpt-image-1-mini-2030-01-01", MINI),
        ("chatgpt-image-2", GPT1),
        ("dall-e-4", None),
        ("flux.1-dev", None),
    ],
)
def test_a_model_that_is_not_listed_has_the_family_that_its_name_fits(model: str, title: str | None) -> None:
    found = _families.family_of(model)
    assert (found.title, found.models) == (title, (model,))
    listed = next((each for each in _families.families() if each.title == title), None)
    for operation in OPERATIONS:
        if listed:
            names = [name for name in found.use(operation).parameters if name != "model"]
            assert [found.use(operation).parameters[name] for name in names] == [
                listed.use(operation).parameters[name] for name in names
            ]
        else:
            # What every server needs: types, a prompt that isn't empty, an image at least.
            assert found.use(operation).parameters.keys() == _operations.parameters(operation).keys()
            bounds = {keyword for facts in found.use(operation).parameters.values() for keyword in facts.bounds}
            assert bounds <= {"minimum", "minLength", "minItems", "maxItems"}
            assert all(facts.is_open for facts in found.use(operation).parameters.values())


def test_titles_in_any_case_and_those_of_wider_families() -> None:
    def titles(name: str) -> list[str | None]:
        return [each.title for each in _families.titled(name)]

    assert titles("gpt-image-2 BEFORE 2.5") == [GPT2]
    assert titles(GPT1) == [GPT1]
    assert titles("GPT image models") == list(GPT)
    assert titles("OpenAI's models") == list(MEMBERS)
    assert titles("gpt-image-2 and later") == [GPT25, GPT2]
    assert titles("none") == []


@pytest.mark.parametrize(
    ("model", "day", "state"),
    [
        ("gpt-image-1.5", "2026-11-30", ("ending", "2026-12-01", "gpt-image-2")),
        ("gpt-image-1.5", "2026-12-01", ("retired", "2026-12-01", "gpt-image-2")),
        ("gpt-image-1", "2026-10-22", ("ending", "2026-10-23", "gpt-image-2.5-flare")),
        ("dall-e-2", "2031-01-01", ("retired", "2026-05-12", "gpt-image-2.5-flare")),
        ("gpt-image-2", "2031-01-01", ("current", None, None)),
        ("gpt-image-9", "2031-01-01", ("unlisted", None, None)),
    ],
)
def test_whether_a_model_is_still_offered(model: str, day: str, state: tuple[str, str | None, str | None]) -> None:
    assert _families.state(model, date.fromisoformat(day)) == state


SCRIPT = """
import json, sys
from images_api.cli import _families as f, _operations as o
print(json.dumps({
    "families": [[each.title, *each.models] for each in f.families()],
    "limits": {c: {name: f.limits(each, name) for name in o.parameters(each)} for c, each in o.commands().items()},
}))
"""
DEFS = "#/components/schemas/ImageModel/$defs"


def add_family(document: Schema) -> None:
    """A new family, told from others in several ways that JSON Schema has."""
    model = document["components"]["schemas"]["ImageModel"]
    model["enum"] += ["pixie-1", "pixie-2"]
    model["$defs"] |= {
        "Pixie": {"title": "Pixies", "type": "string", "pattern": "^pixie-"},
        "Pixie2": {"title": "the second pixie", "type": "string", "pattern": "^pixie-2"},
    }
    is_pixie = {"properties": {"model": {"$ref": f"{DEFS}/Pixie"}}, "required": ["model"]}
    request = document["components"]["schemas"]["CreateImageRequest"]
    request["$defs"]["IsPixie"] = is_pixie
    with_seed: dict[str, Any] = {"properties": {"seed": {"type": "integer"}}, "required": ["seed"]}
    request["then"]["allOf"] += [
        {
            "if": {"$ref": "#/components/schemas/CreateImageRequest/$defs/IsPixie"},
            "then": {"properties": {"n": {"maximum": 4, "default": 2}, "style": False}},
        },
        {"if": {"allOf": [is_pixie, with_seed]}, "then": {"properties": {"n": {"maximum": 1}}}},
        {"if": {"anyOf": [with_seed, {"not": is_pixie}]}, "then": {"properties": {"n": {"maximum": 3}}}},
        {
            "if": {"properties": {"model": {"$ref": f"{DEFS}/Pixie2"}}, "required": ["model"]},
            "then": {"properties": {"quality": {"not": {"const": "hd"}}, "seed": {"exclusiveMaximum": 9, "multipleOf": 3}}},
        },
        {
            "if": {"not": {"anyOf": [is_pixie]}},
            "then": {"properties": {"seed": False}},
        },
    ]
    request["properties"]["seed"] = {"description": "x.", "type": "integer", "exclusiveMinimum": 0}


def take_models_away(document: Schema) -> None:
    """No known model takes it, and none is about to end."""
    del document["components"]["schemas"]["ImageModel"]["x-retired"]["dall-e-2"]
    request = document["components"]["schemas"]["CreateImageVariationRequest"]
    request["then"]["allOf"].append({"if": {"required": ["model"]}, "then": {"properties": {"model": False}}})


def test_a_new_family_shows_up(tmp_path: Path) -> None:
    told = changed(tmp_path, add_family)
    assert told["families"][-2:] == [["Pixies", "pixie-1"], ["the second pixie", "pixie-2"]]
    generate = told["limits"]["generate"]
    assert generate["n"] == [
        "1 to 10",
        "Pixies: 1 to 4",
        "dall-e-3: 1",
        "default for dall-e-3 and dall-e-2: 1",
        "default for Pixies: 2",
    ]
    assert generate["style"] == ["only for dall-e-3"]
    assert "the second pixie: such as auto, low, medium, high, xhigh, max, standard" in generate["quality"]
    assert generate["seed"] == [
        "more than 0",
        "the second pixie: less than 9",
        "the second pixie: multiples of 3",
        "only for Pixies",
    ]


def test_a_family_without_a_title_goes_by_its_models(tmp_path: Path) -> None:
    def change(document: Schema) -> None:
        add_family(document)
        for name in ("Pixie", "Pixie2"):
            del document["components"]["schemas"]["ImageModel"]["$defs"][name]["title"]

    told = changed(tmp_path, change)
    assert told["families"][-2:] == [[None, "pixie-1"], [None, "pixie-2"]]
    assert told["limits"]["generate"]["n"][1] == "pixie-1 and pixie-2: 1 to 4"


def test_an_operation_that_no_known_model_takes(tmp_path: Path) -> None:
    told = changed(tmp_path, take_models_away)
    assert set(map(tuple, told["limits"]["variation"].values())) == {("for none of the known models",)}
    assert [each[0] for each in told["families"]] == list(MEMBERS)


def changed(folder: Path, change: Callable[[Schema], None]) -> Any:
    document = our_contract()
    change(document)
    return ChangedContract(folder, document).told(SCRIPT)
