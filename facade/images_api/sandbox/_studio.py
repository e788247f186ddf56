"""A checked request as a plan of pictures, and what a reply says about them."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from PIL import Image

from . import _checking
from ._drawing import Order, Work
from ._formats import Format
from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._uploads import Upload

_WORK: Mapping[str, Work] = {"createImage": "generate", "createImageEdit": "edit", "createImageVariation": "variation"}
# Whatever else is asked has a say in how a picture looks.
_NOT_DRAWN = {
    *("n", "size", "images", "mask", "stream", "partial_images", "response_format"),
    *("output_format", "output_compression", "frame_count", "frame_duration_ms"),
    *("moderation", "user", "safety_identifier"),
}
_MOST_PIXELS = 4096 * 4096
_MOST_PIXELS_UNASKED = 3840 * 2160
_TOKENS_PER_MEGAPIXEL = {"low": 272, "medium": 1056, "high": 4160, "xhigh": 6240, "max": 8320}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a reply is made from.

    `facts` and `usage` are what the reply itself says besides its pictures; a stream says both in
    its events, and there `usage` is for one picture.
    """

    orders: tuple[Order, ...]
    format: Format
    as_url: bool
    stream: bool
    partial_images: int
    facts: Mapping[str, object]
    usage: Mapping[str, object]
    revised_prompt: str | None

    @property
    def event_name(self) -> str:
        """The first part of the names of a stream's events."""
        return "image_edit" if self.orders[0].work == "edit" else "image_generation"


def plan(
    operation: str, fields: Mapping[str, object], more: Mapping[str, object], uploads: Mapping[str, Sequence[Upload]]
) -> Plan:
    """Turn checked `fields`, defaults among them, and `uploads` into a plan.

    The fields of other servers, `more`, have a say in how a picture looks (`seed`), and only there.
    """
    work, model, prompt = _WORK[operation], str(fields["model"]), str(fields.get("prompt", ""))
    pixels = {name: tuple(one.pixels for one in sent) for name, sent in uploads.items()}
    sources = pixels.get("image", ())
    size = _size(fields.get("size"), sources[0].size if work == "edit" else (1024, 1024))
    sides, background = f"{size[0]}x{size[1]}", str(fields.get("background", "auto"))
    area = _clear_parts(pixels["mask"][0]) if "mask" in pixels else None
    if area is None and work == "edit" and _checking.in_family(model, "DallE2"):
        # Here the picture is its own mask.
        area = _clear_parts(sources[0])
    essence = _essence(work, size, {**fields, **more}, uploads)
    count = _number(fields, "n", 1)
    orders = tuple(
        Order(
            work=work,
            seed=hashlib.sha256(b"%d " % index + essence).digest(),
            size=size,
            prompt=prompt,
            labels=("sandbox", model, sides),
            background=background,
            sources=sources,
            area=area,
            markup=pixels["markup"][0] if "markup" in pixels else None,
        )
        for index in range(count)
    )
    into = Format(
        name=str(fields.get("output_format", "png")),
        compression=_number(fields, "output_compression", 100),
        frame_count=_number(fields, "frame_count", 9),
        frame_duration_ms=_number(fields, "frame_duration_ms", 200),
    )
    stream = fields.get("stream") is True
    quality = str(fields.get("quality", "auto")).replace("auto", "medium")
    facts: dict[str, object] = {
        "background": "transparent" if background == "transparent" else "opaque",
        "output_format": into.name,
        "quality": quality,
        "size": sides,
    }
    if "safety_identifier" in fields:
        facts["safety_identifier"] = fields["safety_identifier"]
    if "svg" in fields:
        facts["svg_usage"] = _svg_usage(prompt, cast("Mapping[str, object]", fields["svg"]))
    told = stream or _checking.in_family(model, "Gpt")
    rewritten = f"{prompt}, as a quiet landscape in soft layers."
    return Plan(
        orders=orders,
        format=into,
        as_url=fields.get("response_format") == "url",
        stream=stream,
        partial_images=_number(fields, "partial_images", 0),
        facts=facts if told else {},
        usage=_usage(prompt, sources, size, quality, 1 if stream else count) if told else {},
        revised_prompt=rewritten if _checking.in_family(model, "DallE3") else None,
    )


def _size(asked: object, otherwise: tuple[int, int]) -> tuple[int, int]:
    if asked in (None, "auto"):
        shrink = min(1.0, math.sqrt(_MOST_PIXELS_UNASKED / (otherwise[0] * otherwise[1])))
        return max(1, int(otherwise[0] * shrink)), max(1, int(otherwise[1] * shrink))
    width, height = (int(side) for side in str(asked).split("x"))
    if not 0 < width * height <= _MOST_PIXELS:
        message = f"Invalid value '{asked}' for 'size': the sandbox draws 1 to 4096x4096 pixels."
        raise RefusedError(message, param="size", code="invalid_value")
    return width, height


def _essence(work: Work, size: tuple[int, int], fields: Mapping[str, object], uploads: Mapping[str, Sequence[Upload]]) -> bytes:
    """Sum up all that a picture should look different for."""
    words = {name: value for name, value in fields.items() if name not in _NOT_DRAWN}
    contents = {name: [hashlib.sha256(upload.content).hexdigest() for upload in sent] for name, sent in uploads.items()}
    return json.dumps([work, size, words, contents], sort_keys=True).encode()


def _clear_parts(picture: Image.Image) -> Image.Image:
    return Image.eval(picture.getchannel("A"), lambda alpha: 0 if alpha else 255)


def _number(fields: Mapping[str, object], name: str, otherwise: int) -> int:
    return int(cast("int", fields.get(name, otherwise)))


def _svg_usage(prompt: str, svg: Mapping[str, object]) -> dict[str, object]:
    read, wrote = _text_tokens(prompt), 900
    counts = {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote}
    return {"model": svg.get("model", "sandbox"), "reasoning_tokens": 300, **counts}


def _text_tokens(prompt: str) -> int:
    return 4 + math.ceil(len(prompt.encode()) / 4)


def _usage(prompt: str, sources: Sequence[Image.Image], size: tuple[int, int], quality: str, count: int) -> dict[str, object]:
    """Make up token counts that grow like the real ones: with prompt, pictures, pixels, quality."""
    text = _text_tokens(prompt)
    seen = sum(65 + 129 * math.ceil(p.width / 512) * math.ceil(p.height / 512) for p in sources)
    rate = _TOKENS_PER_MEGAPIXEL.get(quality, 1056)
    drawn = count * max(1, round(rate * size[0] * size[1] / 1024**2))
    return {
        "input_tokens": text + seen,
        "input_tokens_details": {"text_tokens": text, "image_tokens": seen},
        "output_tokens": drawn,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": drawn},
        "total_tokens": text + seen + drawn,
    }
