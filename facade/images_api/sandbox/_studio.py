"""A checked request as a plan of images, and what a response says about them."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from PIL import Image

from ._checking import in_family
from ._drawing import Order, Work
from ._formats import FORMATS, Format
from ._refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._checking import Rules
    from ._uploads import Upload

# Whatever else is asked has a say in how an image looks.
_NOT_DRAWN = {
    *("size", "partial_images", "response_format"),
    *("output_format", "output_compression", "frame_count", "frame_duration_ms"),
    *("moderation", "user", "safety_identifier"),
}
# The images that aren't worked on but say where, and what.
_MASK, _MARKUP = "mask", "markup"
OVERLAYS = frozenset({_MASK, _MARKUP})
_SIZE = re.compile("([0-9]+)x([0-9]+)")
_SIZE_UNASKED = (1024, 1024)
# Python reads no number of thousands of digits; nine are too many already.
_MOST_DIGITS = 9
_MOST_PIXELS = 4096 * 4096
_MOST_PIXELS_UNASKED = 3840 * 2160
# What other servers' models take knows no bounds; what is drawn here must fit into memory, and be told by its file format.
_BOUNDS = {
    "count": range(129),
    "frame_count": range(1, 65),
    "frame_duration_ms": range(655351),
    "output_compression": range(101),
    "partial_images": range(17),
}
_MOST_PIXELS_IN_ALL = 16 * _MOST_PIXELS
_MOST_PIXELS_OF_FRAMES = 16 * _MOST_PIXELS_UNASKED
_TOKENS_PER_MEGAPIXEL = {"low": 272, "medium": 1056, "high": 4160, "xhigh": 6240, "max": 8320}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a response is made from.

    `facts` and `usage` are what the response itself says besides its images, if the model's family does (`is_told`); a stream
    says both in its events, and there `usage` is for one image.
    """

    orders: tuple[Order, ...]
    format: Format
    as_url: bool
    stream: bool
    partial_images: int
    is_told: bool
    facts: Mapping[str, object]
    usage: Mapping[str, Any]
    revised_prompt: str | None


def plan(rules: Rules, asked: Mapping[str, object], uploads: Mapping[str, Sequence[Upload]]) -> Plan:
    """Turn a checked request into a plan.

    Args:
        rules: What the contract says of the request.
        asked: Its fields, defaults among them. Those that the contract doesn't know (`seed`, at other servers) have a say in
            how an image looks, and only there.
        uploads: Its images by parameter.
    """
    fields = {name: value for name, value in asked.items() if name in rules.body.properties}
    model, stream = rules.role("model", fields), rules.role("stream", fields) is True
    sources = [each for name, several in uploads.items() if name not in OVERLAYS for each in several]
    order = _order(rules, fields, sources, {name: several[0] for name, several in uploads.items()})
    essence = _essence(order, _drawn(rules, asked), uploads)
    count = _number(fields, rules.body.roles.get("count", ""), 1, _BOUNDS["count"])
    frames = _number(fields, "frame_count", 9)
    _check_pixels(order.size, rules.body.roles.get("count"), count, "images", _MOST_PIXELS_IN_ALL)
    kind = _format(fields)
    if kind == "gif":
        _check_pixels(order.size, "frame_count", frames, "frames", _MOST_PIXELS_OF_FRAMES)
    return Plan(
        orders=tuple(replace(order, seed=hashlib.sha256(b"%d " % index + essence).digest()) for index in range(count)),
        format=Format(
            name=kind,
            compression=_number(fields, "output_compression", 100),
            frame_count=frames,
            frame_duration_ms=_number(fields, "frame_duration_ms", 200),
        ),
        as_url=fields.get("response_format") == "url",
        stream=stream,
        partial_images=_number(fields, "partial_images", 0),
        is_told=stream or model is None or in_family(model, "Gpt"),
        facts=_facts(order, fields, kind),
        usage=_usage(order, sources, _quality(fields), 1 if stream else count),
        revised_prompt=f"{order.prompt}, as a quiet landscape in soft layers." if in_family(model, "DallE3") else None,
    )


def _order(rules: Rules, fields: Mapping[str, object], sources: Sequence[Upload], firsts: Mapping[str, Upload]) -> Order:
    """Return what each of the images depends on, the seed aside."""
    model, prompt = rules.role("model", fields), str(fields.get(rules.subject or "", ""))
    area = _clear_parts(firsts[_MASK].pixels) if _MASK in firsts else None
    markup = firsts[_MARKUP].pixels if _MARKUP in firsts else None
    work: Work = "generate"
    if sources:
        work = "edit" if prompt or area or markup else "variation"
        if work == "edit" and area is None and in_family(model, "DallE2"):
            area = _clear_parts(sources[0].pixels)  # here the image is its own mask
    size = _size(fields.get("size"), sources[0].size if sources else _SIZE_UNASKED)
    return Order(
        work=work,
        seed=b"",
        size=size,
        prompt=prompt,
        labels=("sandbox", *([] if model is None else [str(model)]), _sides(size)),
        background=str(fields.get("background", "auto")),
        sources=tuple(each.pixels for each in sources),
        area=area,
        markup=markup,
    )


def _size(asked: object, otherwise: tuple[int, int]) -> tuple[int, int]:
    if (sides := _SIZE.fullmatch(str(asked))) is None:
        shrink = min(1.0, math.sqrt(_MOST_PIXELS_UNASKED / (otherwise[0] * otherwise[1])))
        return max(1, int(otherwise[0] * shrink)), max(1, int(otherwise[1] * shrink))
    width, height = (int(side[:_MOST_DIGITS]) for side in sides.groups())
    if not 0 < width * height <= _MOST_PIXELS:
        message = f"Invalid value '{asked}' for 'size': the sandbox draws 1 to 4096x4096 pixels."
        raise RefusedError(message, param="size", code="invalid_value")
    return width, height


def _check_pixels(size: tuple[int, int], parameter: str | None, number: int, what: str, most: int) -> None:
    if number * size[0] * size[1] > most:
        message = f"{number} {what} of {_sides(size)}: the sandbox draws at most {most} pixels of them."
        raise RefusedError(message, param=parameter, code="invalid_value")


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _facts(order: Order, fields: Mapping[str, object], kind: str) -> dict[str, object]:
    """Return what a response says besides its images."""
    facts: dict[str, object] = {
        "background": "transparent" if order.background == "transparent" else "opaque",
        "output_format": kind,
        "quality": _quality(fields),
        "size": _sides(order.size),
    }
    if "safety_identifier" in fields:
        facts["safety_identifier"] = fields["safety_identifier"]
    if isinstance(svg := fields.get("svg"), Mapping):
        facts["svg_usage"] = _svg_usage(order.prompt, cast("Mapping[str, object]", svg))
    return facts


def _format(fields: Mapping[str, object]) -> str:
    asked = str(fields.get("output_format", "png")).lower()
    name = {"jpg": "jpeg"}.get(asked, asked)
    if name not in FORMATS:
        message = f"Invalid value '{asked[:100]}' for 'output_format': the sandbox draws {', '.join(FORMATS)}."
        raise RefusedError(message, param="output_format", code="invalid_value")
    return name


def _quality(fields: Mapping[str, object]) -> str:
    return str(fields.get("quality", "auto")).replace("auto", "medium")


def _drawn(rules: Rules, asked: Mapping[str, object]) -> dict[str, object]:
    """Return what is asked of an image's looks."""
    roles = rules.body.roles
    hidden = {*_NOT_DRAWN, *rules.body.references.values(), roles.get("count"), roles.get("stream")}
    return {name: value for name, value in asked.items() if name not in hidden}


def _essence(order: Order, words: Mapping[str, object], uploads: Mapping[str, Sequence[Upload]]) -> bytes:
    """Sum up all that an image should look different for."""
    contents = {name: [hashlib.sha256(upload.content).hexdigest() for upload in several] for name, several in uploads.items()}
    return json.dumps([order.work, order.size, words, contents], sort_keys=True).encode()


def _clear_parts(image: Image.Image) -> Image.Image:
    return Image.eval(image.getchannel("A"), lambda alpha: 0 if alpha else 255)


def _number(fields: Mapping[str, object], name: str, otherwise: int, within: range | None = None) -> int:
    asked = fields.get(name)
    within = _BOUNDS[name] if within is None else within
    if not isinstance(asked, int):
        return otherwise
    if asked not in within:
        message = f"Invalid value for '{name}': the sandbox takes {within[0]} to {within[-1]}."
        above = "integer_above_max_value" if asked > within[-1] else "integer_below_min_value"
        raise RefusedError(message, param=name, code=above)
    return asked


def _svg_usage(prompt: str, svg: Mapping[str, object]) -> dict[str, object]:
    read, wrote = _text_tokens(prompt), 900
    counts = {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote}
    return {"model": svg.get("model", "sandbox"), "reasoning_tokens": 300, **counts}


def _text_tokens(prompt: str) -> int:
    return 4 + math.ceil(len(prompt.encode()) / 4)


def _usage(order: Order, sources: Sequence[Upload], quality: str, count: int) -> dict[str, Any]:
    """Make up token counts that grow like the real ones: with prompt, images, pixels, quality."""
    text = _text_tokens(order.prompt)
    seen = sum(65 + 129 * math.ceil(width / 512) * math.ceil(height / 512) for width, height in (each.size for each in sources))
    rate = _TOKENS_PER_MEGAPIXEL.get(quality, 1056)
    drawn = count * max(1, round(rate * order.size[0] * order.size[1] / 1024**2))
    return {
        "input_tokens": text + seen,
        "input_tokens_details": {"text_tokens": text, "image_tokens": seen},
        "output_tokens": drawn,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": drawn},
        "total_tokens": text + seen + drawn,
    }
