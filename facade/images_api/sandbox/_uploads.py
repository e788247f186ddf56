"""The images of a request: files and what is referred to, decoded."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, cast

from PIL import Image, ImageOps

from images_api._contract.document import merged
from images_api._images.base64 import BrokenImageError, decode_text
from images_api._images.headers import ImageFacts, read_facts

from ._refusal import RefusedError

if TYPE_CHECKING:
    from images_api._contract.rules import RequestContract

Shelf = Callable[[str], bytes | None]
# Pillow reads many more, one of them by running another program; some of these it has since a later version only.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF", "BMP", "ICO", "JPEG2000", "TIFF")
_DATA_URL = "data:"
# Of one image as it is sent, and of all of a request's as they are drawn with: four bytes each.
_MOST_PIXELS = 48 * 1024**2
_MOST_PIXELS_KEPT = 2 * 4096**2


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it was sent. `parameter` is where in the request, for messages."""

    parameter: str
    name: str
    declared: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is an image: its facts, its size in pixels, and its pixels, upright, in RGBA, fewer where they were many."""

    facts: ImageFacts
    content: bytes = field(repr=False)
    size: tuple[int, int]
    pixels: Image.Image


def referred(body: RequestContract, fields: Mapping[str, object], shelf: Shelf) -> dict[str, list[RawFile]]:
    """Return the images that a checked request refers to: data URLs, and links to the shelf.

    Args:
        body: What the contract says of the request's body.
        fields: The request.
        shelf: Returns the image that a link leads to, or None.

    Returns:
        The images by the names that they have as files.
    """
    files: dict[str, list[RawFile]] = {}
    for name, parameter in body.references.items():
        given = fields.get(parameter)
        schema = body.properties[parameter]
        keys = list(merged(schema.get("items", schema)).get("properties", {}))
        if isinstance(given, list):
            several = enumerate(cast("list[object]", given))
            files[name] = [_referred(f"{parameter}[{index}]", each, keys, shelf) for index, each in several]
        elif given is not None:
            files[name] = [_referred(parameter, given, keys, shelf)]
    return files


def decode(files: Mapping[str, list[RawFile]]) -> dict[str, list[Upload]]:
    """Decode every file to its last pixel, or raise `RefusedError` for one that is no image or has more than 48 megapixels.

    The pixels of those that are large and many are fewer than they had, all by the same share.
    """
    most = _MOST_PIXELS_KEPT // max(1, sum(map(len, files.values())))
    return {name: [_decoded(file, most) for file in sent] for name, sent in files.items()}


def _referred(parameter: str, reference: object, keys: Sequence[str], shelf: Shelf) -> RawFile:
    if isinstance(reference, dict):
        named = cast("dict[str, object]", reference)
        parameter, reference = next(((f"{parameter}.{key}", named[key]) for key in keys if key in named), (parameter, None))
    url = reference if isinstance(reference, str) else ""
    if url.startswith(_DATA_URL):
        try:
            content = decode_text(url)
        except BrokenImageError as error:
            message = f"The data URL of '{parameter}' {error}."
            raise RefusedError(message, param=parameter, code="invalid_value") from error
        return RawFile(parameter, "image", url.removeprefix(_DATA_URL).partition(",")[0], content)
    if (stored := shelf(url)) is None:
        raise RefusedError(
            f"'{parameter}' is neither a data URL nor the address of an image that this sandbox made and still has. "
            "It fetches nothing from elsewhere, and knows no file ids, for it stores no uploaded files.",
            param=parameter,
            code="invalid_value",
        )
    return RawFile(parameter, url.rpartition("/")[2], "image/*", stored)


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _decoded(file: RawFile, most: int) -> Upload:
    declared = file.declared.split(";")[0].strip().lower()
    if not declared.startswith("image/"):
        raise RefusedError(
            f"Invalid file '{file.parameter}': unsupported mimetype "
            f"('{declared or 'application/octet-stream'}'). Send an image as what it is.",
            param=file.parameter,
            code="unsupported_file_mimetype",
        )
    try:
        said = read_facts(BytesIO(file.content))
        _check_pixels(file, said.width or 0, said.height or 0)  # before Pillow warns of it
        with Image.open(BytesIO(file.content), formats=_formats()) as opened:
            _check_pixels(file, *opened.size)
            opened.load()
            # What many phones write is a jpeg with a second image behind its end.
            kind = Image.MIME["JPEG" if opened.format == "MPO" else str(opened.format)]
            alpha = opened.has_transparency_data
            ImageOps.exif_transpose(opened, in_place=True)
            # Sixteen bits of grey would be cut off rather than scaled down.
            shallow = opened.convert("L") if opened.mode.startswith("I;16") else opened
            size = shallow.size
            pixels = shallow.convert("RGBA")
        if pixels.width * pixels.height > most:
            shrink = math.sqrt(most / (pixels.width * pixels.height))
            pixels = pixels.resize((max(1, int(size[0] * shrink)), max(1, int(size[1] * shrink))))
    except RefusedError:
        raise
    # Damaged files make Pillow's many readers raise whatever they stumble over.
    except Exception as error:
        raise RefusedError(
            f"Invalid image file '{file.parameter}': it could not be decoded.", param=file.parameter, code="invalid_image_file"
        ) from error
    facts = ImageFacts(kind, len(file.content), *size, alpha, file.name)
    return Upload(facts, file.content, size, pixels)


def _check_pixels(file: RawFile, width: int, height: int) -> None:
    if width * height > _MOST_PIXELS:
        message = f"Invalid image file '{file.parameter}': {width}x{height} are more than the sandbox's {_MOST_PIXELS} pixels."
        raise RefusedError(message, param=file.parameter, code="invalid_image_file")
