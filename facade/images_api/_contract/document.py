"""The contract as data: `openapi.json`, as it travels with the generated client, the ways around it, and what it is found at.

Addresses: the base URL, the paths of the contract or of a server's own, and what a URL must be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import chain
from operator import index
from typing import Any, TypeAlias, cast
from urllib.parse import urljoin

import httpx

from images_api._messages import InvalidRequestError, Problem, shown_url
from images_api._secrets import Secret

Schema: TypeAlias = dict[str, Any]

# Deeper than any server has a use for. Some Pythons read a thousand times as much, and can't show, copy or pickle it; what
# checks against the contract follows a few times as much.
_DEEPEST = 100

_LAST_PORT = 65535
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


def definitions() -> Iterator[tuple[str, Schema]]:
    """Yield the path and the definition of each operation."""
    # A path also holds what is no operation.
    for path, parts in document()["paths"].items():
        yield from ((path, part) for part in parts.values() if isinstance(part, dict) and "operationId" in part)


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
        while level and depth < _DEEPEST:
            parts = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
            level, depth = [*chain.from_iterable(parts)], depth + 1
        if level:
            raise RecursionError  # noqa: TRY301  as Python does at a depth of its own
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return said


def plain(value: Any) -> Any:
    """Return an argument as the text or whole number that it stands for, such as an enum's or numpy's; any other as it is."""
    if isinstance(value, bool):
        return value
    with suppress(TypeError):
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


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Return whether two URLs share scheme, host and port, so that a key for one may go to the other."""
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def checked_url(text: str, base: str = "") -> httpx.URL:
    """Return a URL of a host that can be asked for.

    Args:
        text: The URL, which may be relative to the base.
        base: The URL that it comes from.

    Raises:
        ValueError: It isn't one; the text of the error says what it must be, and quotes nothing of it.
    """
    with suppress(httpx.InvalidURL, ValueError, TypeError):  # whose texts quote what may be a password
        url = httpx.URL(urljoin(base, text))
        # A name is one as httpx shows it, which can fail, and as sockets take it.
        is_host = url.host and url.raw_host.decode("ascii").encode("idna")
        if is_host and url.scheme in {"http", "https"} and 0 <= (url.port or 0) <= _LAST_PORT:
            return url
    raise ValueError("must be a URL that begins with http:// or https:// and names a host")


def split_base_url(given: str, paths: Mapping[str, str]) -> tuple[str, str]:
    """Return a base URL without an operation's path, and the query that goes with every request.

    Args:
        given: The URL, which may be that of an operation, with a query or not.
        paths: A server's own paths by those of the contract.

    Raises:
        InvalidRequestError: It is no URL of a host.
    """
    # A wrong one too may have a password, which no display of these variables may show.
    address, _, query = map(Secret, str(given).strip().partition("#")[0].partition("?"))
    url = Secret(address.rstrip("/"))
    for path in (*paths.values(), *document()["paths"]):
        url = Secret(url.removesuffix(path).rstrip("/"))
    try:
        checked_url(url)
    except ValueError as error:
        raise InvalidRequestError([Problem("base_url", shown_url(str(given)), str(error))]) from None
    return url, Secret(f"?{query}") if query else ""


def own_paths(given: Mapping[str, str] | None) -> dict[str, str]:
    """Return a server's own paths by those of the contract.

    Args:
        given: The paths by the operations' ids.

    Raises:
        InvalidRequestError: There is no such operation, or a path can't be one.
    """
    if not given:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidRequestError([Problem("paths", given, "must be a mapping of operations to paths")])
    known = {definition["operationId"]: path for path, definition in definitions()}
    why = f"must be a path that begins with /, of one of {', '.join(known)}"
    problems = [
        Problem(f"paths.{name}", path, why)
        for name, path in given.items()
        if name not in known or not isinstance(path, str) or not re.fullmatch(r"/[^?#\s]*", path)
    ]
    if problems:
        raise InvalidRequestError(problems)
    return {known[name]: path.rstrip("/") for name, path in given.items()}
