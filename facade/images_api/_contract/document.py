"""The contract as data: `openapi.json`, as it travels with the generated client, and the ways around it."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import chain
from operator import index
from typing import Any, TypeAlias, cast

Schema: TypeAlias = dict[str, Any]

# Deeper than any server has a use for. Some Pythons read a thousand times as much, and can't show, copy or pickle it; what
# checks against the contract follows a few times as much.
DEEPEST = 100

MODELS = "#/components/schemas/ImageModel"


@cache
def document() -> Schema:
    """Return the contract."""
    from pkgutil import get_data

    return cast("Schema", json.loads(get_data("images_api_client", "openapi.json") or b""))


def at(pointer: str) -> Schema:
    """Return the part of the document that a JSON pointer names; no name in it needs escaping."""
    part: Any = document()
    for step in pointer.removeprefix("#/").split("/"):
        part = part[int(step) if isinstance(part, list) else step]
    return cast("Schema", part)


def definitions() -> Iterator[tuple[str, str, Schema]]:
    """Yield the path, the method and the definition of each operation."""
    # A path also holds what is no operation.
    for path, parts in document()["paths"].items():
        found = (each for each in parts.items() if isinstance(each[1], dict) and "operationId" in each[1])
        yield from ((path, method.upper(), definition) for method, definition in found)


def merged(schema: Schema) -> Schema:
    """Return a schema with what its `$ref` stands for."""
    return merged(at(schema["$ref"])) | schema if "$ref" in schema else schema


def choices(schema: Schema) -> list[Any]:
    """Return the values that a schema lists."""
    return [value for part in (schema, *schema.get("anyOf", ())) for value in merged(part).get("enum", ())]


def families(model: str) -> list[str]:
    """Return the names of the families that a model belongs to."""
    return [name for name, family in at(MODELS)["$defs"].items() if re.search(family["pattern"], model)]


def decode_json(text: str | bytes | bytearray, **hooks: Any) -> Any:
    """Return what JSON stands for.

    Args:
        text: The JSON.
        **hooks: What `json.loads` takes to read numbers with.

    Raises:
        ValueError: It is none, or nested too deep to be of use.
    """
    try:
        said: object = json.loads(text, **hooks)
        level, depth = [said], 0
        while level and depth < DEEPEST:
            parts = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list))]
            level, depth = [*chain.from_iterable(parts)], depth + 1
        if level:
            raise RecursionError  # noqa: TRY301  as Python does at a depth of its own
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return said


def plain(value: Any) -> Any:
    """Return an argument as the text or whole number that it stands for, such as an enum's or numpy's; any other as it is."""
    with suppress(TypeError):
        if not isinstance(value, bool):
            return str.__str__(value) if isinstance(value, str) else index(value)
    return value


def official_url() -> str:
    """Return the base URL of the official host."""
    return cast("str", document()["servers"][0]["url"])


@cache
def event_models() -> Mapping[str, Schema]:
    """Return the properties of each type of stream event, by the type's name."""
    mapping = at("#/components/schemas/ImageStreamEvent/discriminator/mapping")
    return {name: at(pointer)["properties"] for name, pointer in mapping.items()}


def error_codes() -> Mapping[str, list[str]]:
    """Return what servers call a fault, by what it means: `policy`, `quota`, or a status; and the `phrases` of a refusal."""
    return at("#/components/schemas/ErrorDetail/properties/code/x-codes")
