"""A request's body as typed fields and files, whichever way it was written."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from images_api._contract.document import DEEPEST, decode_json

from . import _checking
from ._refusal import RefusedError
from ._uploads import RawFile

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.requests import Request

    from ._dialects import Dialect, Route

_FORM = "multipart/form-data"
_LONGEST_TEXT = 32 * 1024 * 1024
_FIELD_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_NAME_PART = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")


class Asked(NamedTuple):
    """What a request asks for, before anyone has checked whether it may."""

    rules: _checking.Rules
    fields: dict[str, object]
    files: dict[str, list[RawFile]]


class _InMemoryParser(MultiPartParser):
    """Starlette's parser, but it keeps files in memory, and notices a body that was cut short."""

    # A larger file would be written through threads of anyio's, which outlive the server.
    spool_max_size = 1 << 40
    complete = False

    def on_end(self) -> None:
        self.complete = True


async def read(request: Request, dialect: Dialect, route: Route) -> Asked:
    """Read a body in one of the media types that are taken there; its files get the names that the contract has for them."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    taken = route.operation.bodies if route.media_types is None else route.media_types
    if media_type not in taken:
        message = f"A body of the content type '{media_type}' isn't taken here."
        raise RefusedError(message, code="unsupported_content_type", status=415)
    rules = _checking.rules(route.operation.id, media_type)
    if media_type == _FORM:
        return await _form(request, rules, dialect.parameters)
    return Asked(rules, await _json(request), {})


def load_json(text: str | bytes) -> object:
    """Return what JSON says.

    Raises:
        ValueError: It is none, or nested deeper than can be checked.
    """
    return decode_json(text, parse_constant=_no_number, parse_float=_number)


async def _json(request: Request) -> dict[str, object]:
    try:
        fields = load_json(await request.body())
        # Text that UTF-8 can't write, half a surrogate pair for one, could not be echoed either.
        json.dumps(fields, ensure_ascii=False).encode()
    except ValueError as error:
        message = f"The body could not be read as JSON: {str(error)[:120]}"
        raise RefusedError(message, code="invalid_json") from error
    if not isinstance(fields, dict):
        raise RefusedError("The body must be a JSON object.", code="invalid_type")
    return cast("dict[str, object]", fields)


def _number(text: str) -> float:
    """Return a number with a point; to JSON Schema, 1.0 is a whole number."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


async def _form(request: Request, rules: _checking.Rules, parameters: Mapping[str, Any]) -> Asked:
    parser = _InMemoryParser(request.headers, request.stream(), max_part_size=_LONGEST_TEXT)
    try:
        form = await parser.parse()
    # Starlette before 1.0 lets the second kind through as it is.
    except (MultiPartException, FormParserError) as error:
        raise RefusedError(f"The form could not be read: {error}", code="invalid_form") from error
    try:
        if not parser.complete:
            message = "The form ends before its closing boundary."
            raise RefusedError(message, code="invalid_form")
        return await _sorted(form, rules, parameters)
    finally:
        await form.close()


async def _sorted(form: FormData, rules: _checking.Rules, parameters: Mapping[str, Any]) -> Asked:
    asked, seen = Asked(rules, {}, {}), dict[tuple[str, ...], str]()
    ours: Mapping[str, str] = parameters.get("renamed", {})
    for key, value in form.multi_items():
        written = _FIELD_NAME.fullmatch(key)
        name, path = (written[1], _NAME_PART.findall(written[2])) if written else (key, [])
        several = path[-1:] == [""]
        target = (name, *(path[:-1] if several else path))
        is_file = isinstance(value, UploadFile)
        if is_file and parameters.get("repeated"):
            several = True
        if target in seen and not (several and seen[target] == key):
            raise RefusedError(
                f"Duplicate parameter: '{key}'. To give several, call each of them '{name}[]'.",
                param=key,
                code="duplicate_parameter",
            )
        seen[target] = key
        if len(target) > DEEPEST:
            raise RefusedError(f"'{name}' is nested too deep.", param=name, code="invalid_type")
        own = ours.get(name, name)
        known = own in rules.body.properties
        # A part without a file name is a text, whatever it holds.
        if known and is_file != (own in rules.body.files):
            wanted = "a text, but got a file" if is_file else "a file, or several, but got a text"
            message = f"Invalid type for '{key}': expected {wanted}."
            raise RefusedError(message, param=key, code="invalid_type")
        if not isinstance(value, UploadFile):
            _put(asked.fields, target, _typed(value, rules.types((own, *target[1:]), several=several)), several=several)
            continue
        content = await value.read()
        if known:
            sent = asked.files.setdefault(own, [])
            parameter = f"{name}[{len(sent)}]" if several else name
            sent.append(RawFile(parameter, value.filename or "", value.content_type or "", content))
        else:
            # Refused later, or drawn differently for, but never looked at.
            _put(asked.fields, target, hashlib.sha256(content).hexdigest(), several=several)
    return asked


def _typed(text: str, types: Collection[str]) -> object:
    """Return the value that a text stands for where the contract has one of these types; the checks tell what it should be."""
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def _put(fields: dict[str, object], path: tuple[str, ...], value: object, *, several: bool) -> None:
    """Store a form's value, where `path` leads through objects and `several` makes a list."""
    *way, last = path
    for step in way:
        inner = fields.setdefault(step, {})
        if not isinstance(inner, dict):
            raise _ambiguous(step)
        fields = cast("dict[str, object]", inner)
    if several and isinstance(values := fields.setdefault(last, []), list):
        cast("list[object]", values).append(value)
    elif several or last in fields:
        raise _ambiguous(last)
    else:
        fields[last] = value


def _ambiguous(name: str) -> RefusedError:
    message = f"'{name}' is given in two ways that exclude each other."
    return RefusedError(message, param=name, code="invalid_type")
