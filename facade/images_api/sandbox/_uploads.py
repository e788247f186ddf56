"""The pictures of a request: files and what is referred to, decoded."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import cast
from urllib.parse import unquote_to_bytes

from PIL import Image, ImageOps

from images_api._images.headers import ImageFacts

from ._refusal import RefusedError

Shelf = Callable[[str], bytes | None]
# Pillow reads many more, one of them by running another program.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
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


def _list(fields: Mapping[str, object], name: str) -> list[object]:
    return cast("list[object]", fields.get(name, []))


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
