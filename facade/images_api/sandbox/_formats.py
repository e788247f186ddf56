"""Drawn images as files: png, jpeg and webp; gif that moves; svg as drawn or as a frame."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from PIL import Image

from . import _captions, _drawing, _scenery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMATS = ("png", "jpeg", "webp", "gif", "svg")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Format:
    """How an image is written down. The defaults are the API's own."""

    name: str = "png"
    compression: int = 100
    frame_count: int = 9
    frame_duration_ms: int = 200


def render(order: _drawing.Order, into: Format) -> bytes:
    """Draw `order` and write it in the format `into`."""
    if into.name == "gif":
        return _moving(_drawing.frames(order, into.frame_count), into.frame_duration_ms)
    if into.name == "svg" and order.work == "generate":
        return _vector(order)
    return encode(_drawing.draw(order), into)


def encode(image: Image.Image, into: Format) -> bytes:
    """Write one drawn `image` in the format `into`; svg wraps a png."""
    file = BytesIO()
    match into.name:
        case "svg":
            data = base64.b64encode(encode(image, Format())).decode()
            element = f'<image width="100%" height="100%" href="data:image/png;base64,{data}"/>'
            return _svg(image.size, [element])
        case "jpeg":
            _solid(image).save(file, "JPEG", quality=into.compression)
        case "webp":
            image.save(file, "WEBP", quality=into.compression, method=2)
        case _:
            # Placeholders are smooth: more effort makes them hardly smaller, only late.
            image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _solid(image: Image.Image) -> Image.Image:
    solid = Image.new("RGB", image.size, (255, 255, 255))
    solid.paste(image, mask=image if image.mode == "RGBA" else None)
    return solid


def _moving(images: Iterable[Image.Image], duration_ms: int) -> bytes:
    # One after the other, for all of them would take a lot of memory.
    others = (_solid(image).quantize(dither=Image.Dither.NONE) for image in images)
    first = next(others)
    # The format counts in hundredths of a second; browsers take 0 for a slow 100 ms.
    duration, file = max(10, round(duration_ms, -1)), BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=duration, loop=0)
    return file.getvalue()


def _vector(order: _drawing.Order) -> bytes:
    width, height = order.size
    scene = _scenery.compose(order.seed, width / height)
    sun = scene.sun
    sky = _shaded("sky", scene.zenith, scene.horizon, f"M0 0H{width}V{height}H0Z")
    radius = sun.radius * min(order.size)
    parts = [
        *([] if order.background == "transparent" else [sky]),
        f'<circle cx="{sun.x * width:.1f}" cy="{sun.y * height:.1f}" r="{radius:.1f}" fill="{_hex(sun.colour)}"/>',
    ]
    for number, hill in enumerate(scene.hills):
        line = " ".join(f"{x * width:.1f} {y * height:.1f}" for x, y in hill.ridge)
        parts.append(_shaded(f"hill{number}", hill.crest, hill.foot, f"M{line}V{height}H0Z"))
    for caption in _captions.set_captions(order.prompt, order.labels, order.size, scene.ink):
        left, top, right, bottom = caption.box
        parts.append(
            f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" '
            f'rx="{caption.letters // 2}" fill="{_hex(caption.paper)}" '
            f'fill-opacity="{caption.opacity / 255:.2f}"/>'
        )
        parts += [
            f'<text x="{x}" y="{y + round(caption.letters * 0.85)}" fill="{_hex(caption.ink)}" '
            f'font-family="sans-serif" font-size="{caption.letters}" '
            f'textLength="{caption.font.getlength(line):.0f}">{_text(line)}</text>'
            for x, y, line in caption.lines
        ]
    return _svg(order.size, parts)


def _shaded(name: str, top: _scenery.Colour, bottom: _scenery.Colour, outline: str) -> str:
    return (
        f'<linearGradient id="{name}" x2="0" y2="1"><stop stop-color="{_hex(top)}"/>'
        f'<stop offset="1" stop-color="{_hex(bottom)}"/></linearGradient>'
        f'<path fill="url(#{name})" d="{outline}"/>'
    )


def _svg(size: tuple[int, int], parts: Sequence[str]) -> bytes:
    width, height = size
    head = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {head}>{"".join(parts)}</svg>\n'.encode()


def _text(line: str) -> str:
    return escape(_NOT_XML.sub("", line))


def _hex(colour: _scenery.Colour) -> str:
    return f"#{bytes(colour).hex()}"
