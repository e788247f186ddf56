"""From schemas to types, and from the rules of models to names for those that they mean."""

from __future__ import annotations

from typing import Any

import pytest

from tools.generator.attributes import attribute_names
from tools.generator.descriptions import described
from tools.generator.model_rules import ModelRules
from tools.generator.python_types import PythonTypes

SCHEMAS: dict[str, Any] = {
    "Size": {"description": "x.", "type": "string", "enum": ["s", "m", "l", None]},
    "SmallSize": {"description": "x.", "type": "string", "enum": ["s", "m"]},
    "SameSize": {"description": "x.", "type": "string", "enum": ["l", "m", "s"]},
    "Tree": {
        "description": "x.",
        "type": "object",
        "properties": {"trees": {"description": "x.", "type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    },
    "Nest": {"description": "x.", "type": "array", "items": {"$ref": "#/components/schemas/Nest"}},
    "Wide": {"description": "x.", "type": "integer", "minimum": 1},
}


def named(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.fixture
def types() -> PythonTypes:
    return PythonTypes({"components": {"schemas": SCHEMAS}})


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "string"}, ["str"]),
        ({"type": ["null", "integer"]}, ["int", "None"]),
        ({"type": ["number", "boolean"]}, ["float", "bool"]),
        ({"enum": [1, 2]}, ["Literal[1, 2]"]),
        ({"enum": ["a", None]}, ["Literal['a']", "None"]),
        ({"const": "a"}, ["Literal['a']"]),
        ({"type": "array", "items": {"type": ["string", "null"]}}, ["list[str | None]"]),
        ({"type": "array"}, ["list[object]"]),
        ({"type": "object"}, ["dict[str, object]"]),
        ({"type": "object", "additionalProperties": named("Wide")}, ["dict[str, int]"]),
        ({}, ["object"]),
        (True, ["object"]),
        ({"anyOf": [{"type": "string"}, {}]}, ["object"]),
        ({"anyOf": [{"type": "null"}, named("Size"), {"type": "string"}]}, ["Size", "str", "None"]),
        ({"oneOf": [named("Wide"), {"type": "string"}]}, ["int", "str"]),
        ({"allOf": [{"description": "y."}, named("SmallSize")]}, ["SmallSize"]),
        ({"allOf": [{"description": "y."}]}, ["object"]),
        (named("Size"), ["Size", "None"]),
        ({"anyOf": [named("SmallSize"), named("Size")]}, ["Size", "None"]),
        ({"anyOf": [named("SameSize"), named("SmallSize"), named("Size")]}, ["SameSize", "None"]),
        (named("Tree"), ["TreeOptions"]),
        (named("Nest"), ["list[object]"]),
    ],
)
def test_a_schema_stands_for_types(types: PythonTypes, schema: Any, wanted: list[str]) -> None:
    assert types.names(schema) == wanted


def test_what_is_named_is_kept(types: PythonTypes) -> None:
    types.names({"anyOf": [named("Size"), named("Tree")]})
    assert types.choices["Size"].values == ["s", "m", "l"]
    assert [(each.name, each.type) for each in types.typed_dicts["TreeOptions"].fields] == [("trees", "list[TreeOptions] | None")]
    assert types.references == {"Size": "#/components/schemas/Size", "TreeOptions": "#/components/schemas/Tree"}


FAMILIES = {
    "A": {"title": "the first", "pattern": "^a[12]$"},
    "B": {"title": "the second", "pattern": "^b"},
    "AB": {"title": "both", "pattern": "^(a1|b)"},
    "Untold": {"pattern": "^c"},
}
MODELS = ["a1", "a2", "b1", "b2", "c1", "c2"]


@pytest.mark.parametrize(
    ("models", "universe", "wanted"),
    [
        (["a1", "a2"], MODELS, ["the first"]),
        (["a1"], MODELS, ["a1"]),
        (["a1"], ["a1", "b1"], ["the first"]),
        (["b1", "a2", "a1", "b2"], MODELS, ["the first", "the second"]),
        (["a1", "b1", "b2"], MODELS, ["both"]),
        (["c2", "c1"], MODELS, ["c1", "c2"]),
        (["b1", "b2", "c1"], MODELS, ["b1", "b2", "c1"]),
        ([], MODELS, []),
    ],
)
def test_models_are_named_by_families_where_these_fit(models: list[str], universe: list[str], wanted: list[str]) -> None:
    rules = ModelRules({"components": {"schemas": {"ImageModel": {"enum": MODELS, "$defs": FAMILIES}}}})
    assert rules.named(models, universe) == wanted


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        (["n", "aspectRatio", "type", "class"], ["n", "aspect_ratio", "type_", "class_"]),
        (["aspectRatio", "aspect_ratio"], ["aspectRatio", "aspect_ratio"]),
        (["aspectRatio", "aspect_ratio", "AspectRatio"], ["aspectRatio", "aspect_ratio", "AspectRatio"]),
        (["_private", "id"], ["field_private", "id"]),
    ],
)
def test_attributes_of_models_are_called_as_the_generator_calls_them(properties: list[str], wanted: list[str]) -> None:
    assert list(attribute_names(properties).values()) == wanted


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "integer", "minimum": 2, "maximum": 4}, "x. At least 2. At most 4."),
        ({"anyOf": [{"type": "integer", "minimum": 2, "maximum": 4}, {"type": "null"}]}, "x. At least 2. At most 4."),
        ({"oneOf": [{"type": "string", "minLength": 1}, True], "maxLength": 9}, "x. At least 1 character. At most 9 characters."),
        ({"anyOf": [named("Wide"), {"type": "null"}]}, "x. At least 1."),
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 1, "multipleOf": 0.5}, "x. More than 0. Less than 1. A multiple of 0.5."),
        ({"type": "array", "minItems": 1, "maxItems": 2}, "x. At least 1 item. At most 2 items."),
        ({}, "x."),
    ],
)
def test_bounds_are_told_wherever_they_stand(schema: Any, wanted: str) -> None:
    assert described({"components": {"schemas": SCHEMAS}}, {"description": "x.", **schema}) == wanted
