"""A request's body as typed fields and decoded pictures, whichever way it was written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import unquote_to_bytes

from PIL import Image, ImageOps
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from images_api._images.headers import ImageFacts

from . import _checking
from ._refusal import RefusedError

if TYPE_CHECKING:
    from starlette.requests import Request

Shelf = Callable[[str], bytes | None]
# Pillow reads many more, one of them by running another program.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_LONGEST_TEXT = 32 * 1024 * 1024
_FIELD_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_NAME_PART = re.compile(r"\[([^\[\]]*)\]")
_DATA_URL = re.compile(r"data:([^,]*?)(;base64)?,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it was sent. `place` names it in messages."""

    place: str
    name: str
    declared: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is a picture: its facts, and its pixels, upright and in RGBA."""

    facts: ImageFacts
    content: bytes = field(repr=False)
    pixels: Image.Image


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


async def read(request: Request, operation: str) -> Asked:
    """Read a body in one of the media types that the contract has for the `operation`."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        rules = _checking.rules(operation, media_type)
    except KeyError:
        message = f"A body of the content type '{media_type}' isn't taken here."
        raise RefusedError(message, code="unsupported_content_type", status=415) from None
    if media_type == "application/json":
        return Asked(rules, await _json(request), {})
    return await _form(request, rules)


def referred(fields: Mapping[str, object], shelf: Shelf) -> dict[str, list[RawFile]]:
    """Return the pictures that a checked JSON edit names: data URLs, and links to the `shelf`."""
    files: dict[str, list[RawFile]] = {}
    named = [("image", f"images[{n}]", image) for n, image in enumerate(_list(fields, "images"))]
    for name, place, reference in [*named, ("mask", "mask", fields.get("mask"))]:
        if reference is None:
            continue
        url = cast("Mapping[str, str]", reference).get("image_url")
        if url is None:
            raise RefusedError(
                "The sandbox stores no uploaded files, so it knows no file ids; send a data URL.",
                param=f"{place}.file_id",
                code="invalid_value",
            )
        files.setdefault(name, []).append(_linked(f"{place}.image_url", url, shelf))
    return files


def decode(files: Mapping[str, list[RawFile]]) -> dict[str, list[Upload]]:
    """Decode every file to its last pixel, or raise `RefusedError` for one that is no picture."""
    return {name: [_decoded(file) for file in sent] for name, sent in files.items()}


async def _json(request: Request) -> dict[str, object]:
    try:
        fields = json.loads(await request.body(), parse_constant=_no_number)
        # Text that UTF-8 can't write, half a surrogate pair for one, could not be echoed either.
        json.dumps(fields, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        message = f"The body could not be read as JSON: {str(error)[:120]}"
        raise RefusedError(message, code="invalid_json") from error
    if not isinstance(fields, dict):
        raise RefusedError("The body must be a JSON object.", code="invalid_type")
    return cast("dict[str, object]", fields)


def _list(fields: Mapping[str, object], name: str) -> list[object]:
    return cast("list[object]", fields.get(name, []))


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


async def _form(request: Request, rules: _checking.Rules) -> Asked:
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
        return await _sorted(form, rules)
    finally:
        await form.close()


async def _sorted(form: FormData, rules: _checking.Rules) -> Asked:
    asked, seen = Asked(rules, {}, {}), dict[tuple[str, ...], str]()
    for key, value in form.multi_items():
        written = _FIELD_NAME.fullmatch(key)
        name, path = (written[1], _NAME_PART.findall(written[2])) if written else (key, [])
        several = path[-1:] == [""]
        target = (name, *(path[:-1] if several else path))
        if target in seen and not (several and seen[target] == key):
            raise RefusedError(
                f"Duplicate parameter: '{key}'. To give several, call each of them '{name}[]'.",
                param=key,
                code="duplicate_parameter",
            )
        seen[target] = key
        kind = rules.kind(name)
        is_file = isinstance(value, UploadFile)
        # A part without a file name is a text, whatever it holds.
        if kind and is_file != (kind == "file"):
            wanted = "a text, but got a file" if is_file else "a file, or several, but got a text"
            message = f"Invalid type for '{key}': expected {wanted}."
            raise RefusedError(message, param=key, code="invalid_type")
        if not isinstance(value, UploadFile):
            _put(asked.fields, target, _typed(value, kind), several=several)
            continue
        content = await value.read()
        if kind:
            sent = asked.files.setdefault(name, [])
            place = f"{name}[{len(sent)}]" if several else name
            sent.append(RawFile(place, value.filename or "", value.content_type or "", content))
        else:
            # Refused later, or drawn differently for, but never looked at.
            _put(asked.fields, target, hashlib.sha256(content).hexdigest(), several=several)
    return asked


def _typed(text: str, kind: str) -> object:
    if kind == "integer" and re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if kind == "boolean" and text.lower() in ("true", "false"):
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


def _linked(place: str, url: str, shelf: Shelf) -> RawFile:
    if match := _DATA_URL.match(url):
        text = unquote_to_bytes(url[match.end() :])
        try:
            content = base64.b64decode(text, validate=True) if match[2] else text
        except binascii.Error as error:
            message = f"The data URL of '{place}' holds no valid base64."
            raise RefusedError(message, param=place, code="invalid_value") from error
        return RawFile(place, "image", match[1], content)
    if (stored := shelf(url)) is None:
        raise RefusedError(
            f"'{place}' is neither a data URL nor the address of a picture that this sandbox made "
            "and still has. It fetches nothing from elsewhere.",
            param=place,
            code="invalid_value",
        )
    return RawFile(place, url.rpartition("/")[2], "image/*", stored)


def _decoded(file: RawFile) -> Upload:
    declared = file.declared.split(";")[0].strip().lower()
    if not declared.startswith("image/"):
        raise RefusedError(
            f"Invalid file '{file.place}': unsupported mimetype "
            f"('{declared or 'application/octet-stream'}'). Send a picture as what it is.",
            param=file.place,
            code="unsupported_file_mimetype",
        )
    try:
        with Image.open(BytesIO(file.content), formats=_FORMATS) as opened:
            opened.load()
            # What many phones write is a jpeg with a second picture behind its end.
            kind = Image.MIME["JPEG" if opened.format == "MPO" else str(opened.format)]
            alpha = opened.has_transparency_data
            upright = ImageOps.exif_transpose(opened)
        # Sixteen bits of grey would be cut off rather than scaled down.
        shallow = upright.convert("L") if upright.mode.startswith("I;16") else upright
        pixels = shallow.convert("RGBA")
    # Damaged files make Pillow's many readers raise whatever they stumble over.
    except Exception as error:
        raise RefusedError(
            f"Invalid image file '{file.place}': it could not be decoded.", param=file.place, code="invalid_image_file"
        ) from error
    facts = ImageFacts(kind, len(file.content), pixels.width, pixels.height, alpha, file.name)
    return Upload(facts, file.content, pixels)
