"""Placeholder images, drawn from what was asked: equal orders give equal images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from . import _captions, _scenery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ._scenery import Colour

_WHITE: Colour = (255, 255, 255)
_SOLID = (255, 255)
# Edges are drawn at twice the size and shrunk; in an image this large nobody sees the steps.
_SMOOTH_UP_TO = 3_000_000

Work = Literal["generate", "edit", "variation"]


@dataclass(frozen=True, slots=True)
class Order:
    """All that one image depends on.

    `sources` are upright RGBA images, of which the first is worked on; `area` ("L", as large as
    that one) is white where an edit may change it, None for everywhere; `markup` is laid on top.
    """

    work: Work
    seed: bytes
    size: tuple[int, int]
    prompt: str = ""
    labels: tuple[str, ...] = ("sandbox",)
    background: str = "auto"
    sources: tuple[Image.Image, ...] = ()
    area: Image.Image | None = None
    markup: Image.Image | None = None


def draw(order: Order, moment: float = 0.0) -> Image.Image:
    """Draw an image of the size ordered: "RGB", or "RGBA" where something in it is transparent.

    `moment`, from 0 to 1, is where in its loop an animation stands.
    """
    if order.work == "generate":
        image = _landscape(order, moment)
    else:
        base = ImageOps.fit(order.sources[0], order.size)
        if order.work == "variation":
            image = _vary(order)
        elif order.area is None:
            image = _rework(base, order)
        else:
            image = _mend(base, order, order.area)
        if order.markup is not None:
            image = image.convert("RGBA")
            image.alpha_composite(ImageOps.fit(order.markup, order.size))
    solid = image.mode == "RGBA" and image.getchannel("A").getextrema() == _SOLID
    return image.convert("RGB") if solid else image


def frames(order: Order, count: int) -> Iterator[Image.Image]:
    """Yield an animation: hills that drift, or a source that turns into what became of it.

    Each of the `count` frames shows in a progress bar how far it is, so that no two are equal.
    """
    if order.work == "generate":
        images = (draw(order, moment=step / count) for step in range(count))
    else:
        last = draw(order)
        first = ImageOps.fit(order.sources[0], order.size).convert(last.mode)
        images = (Image.blend(first, last, (step + 1) / count) for step in range(count))
    width, height = order.size
    top, ink = height - max(1, height // 160), _scenery.compose(order.seed).ink
    for step, image in enumerate(images, 1):
        image.paste(_WHITE, (0, top, width, height))
        image.paste(ink, (0, top, max(1, width * step // count), height))
        yield image


def unfinished(image: Image.Image, step: int, steps: int) -> Image.Image:
    """Blur an image as if it were still being made: the later of `steps`, the sharper."""
    radius = min(image.size) / 16 * (1 - step / steps) ** 2
    return image.filter(ImageFilter.GaussianBlur(radius))


def _landscape(order: Order, moment: float = 0.0) -> Image.Image:
    scene = _scenery.compose(order.seed, order.size[0] / order.size[1], moment)
    image = _gradient(scene.zenith, scene.horizon, order.size)
    if order.background == "transparent":
        # The colours stay under the clear sky, so that soft edges get no dark seam.
        image.putalpha(0)
    _paint_sun(image, scene.sun)
    for hill in scene.hills:
        _paint_hill(image, hill)
    _write(image, order, scene.ink)
    return image


def _mend(image: Image.Image, order: Order, area: Image.Image) -> Image.Image:
    """Draw something new inside an area, and leave every other pixel as it is."""
    area = ImageOps.fit(area, order.size, Image.Resampling.NEAREST)
    box = area.getbbox()
    if box is not None:
        hole = area.crop(box)
        width, height = hole.size
        patch = _landscape(replace(order, size=hole.size, prompt="", labels=()))
        _hang(patch, order.sources[1:])
        # The middle is what a hole of any shape most likely shows.
        plain = hole.getextrema() == _SOLID
        across, down = (0, 0) if plain else (width // 6, height // 5)
        window = (across, down, width - across, height - down)
        middle = patch.crop(window)
        _write(middle, replace(order, labels=()), _scenery.compose(order.seed).ink)
        patch.paste(middle, window)
        image.paste(patch, box, hole)
    return image


def _rework(base: Image.Image, order: Order) -> Image.Image:
    """Show a source in a new light, and let hills grow in front of it."""
    scene = _scenery.compose(order.seed, base.width / base.height)
    image = _gradient(scene.zenith, scene.horizon, base.size)
    image.paste(base, mask=base)
    image = Image.blend(image, _tint(image, scene), 0.45)
    _paint_sun(image, scene.sun)
    for hill in scene.hills[-2:]:
        _paint_hill(image, hill, sink=0.12, strength=184)
    if order.background == "transparent":
        image.putalpha(_rounded(base.size, min(base.size) // 4, 255))
    _hang(image, order.sources[1:])
    _write(image, order, scene.ink)
    return image


def _vary(order: Order) -> Image.Image:
    """Move the frame a little, perhaps mirror it, and shift the light."""
    source, scene = order.sources[0], _scenery.compose(order.seed)
    left, top, zoom = (byte / 255 for byte in order.seed[:3])
    lost = 0.03 + 0.14 * zoom
    x, y = left * lost * source.width, top * lost * source.height
    keep = 1 - lost
    box = (int(x), int(y), round(x + keep * source.width), round(y + keep * source.height))
    image = ImageOps.fit(source.crop(box), order.size)
    if order.seed[3] % 2:
        image = ImageOps.mirror(image)
    clear, solid = image.getchannel("A"), image.convert("RGB")
    image = Image.blend(solid, _tint(solid, scene), 0.32)
    image.putalpha(clear)
    _write(image, order, scene.ink)
    return image


def _tint(image: Image.Image, scene: _scenery.Scene) -> Image.Image:
    grey = ImageOps.grayscale(image)
    return ImageOps.colorize(grey, scene.ink, scene.horizon, mid=scene.hills[0].crest)


def _gradient(top: Colour, bottom: Colour, size: tuple[int, int]) -> Image.Image:
    column = ImageOps.colorize(Image.linear_gradient("L").crop((0, 0, 1, 256)), top, bottom)
    return column.transform(size, Image.Transform.EXTENT, (0, 0, 1, 256))


def _rounded(size: tuple[int, int], radius: int, strength: int) -> Image.Image:
    scale = _enlargement(size)
    mask = Image.new("L", (size[0] * scale, size[1] * scale))
    corners = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(corners, radius * scale, fill=strength)
    return mask.reduce(scale)


def _enlargement(size: tuple[int, int]) -> int:
    return 2 if size[0] * size[1] <= _SMOOTH_UP_TO else 1


def _paint_hill(image: Image.Image, hill: _scenery.Hill, sink: float = 0.0, strength: int = 255) -> None:
    width, height = image.size
    top = max(0, int((min(y for _, y in hill.ridge) + sink) * height) - 1)
    if top >= height:
        return
    size = (width, height - top)
    scale = _enlargement(size)
    mask = Image.new("L", (width * scale, size[1] * scale))
    line = [(x * mask.width, ((y + sink) * height - top) * scale) for x, y in hill.ridge]
    ImageDraw.Draw(mask).polygon([*line, mask.size, (0, mask.height)], fill=strength)
    image.paste(_gradient(hill.crest, hill.foot, size), (0, top), mask.reduce(scale))


def _paint_sun(image: Image.Image, sun: _scenery.Sun) -> None:
    radius = max(1, round(sun.radius * min(image.size)))
    x, y = round(sun.x * image.width), round(sun.y * image.height)
    halo = ImageOps.fit(ImageOps.invert(Image.radial_gradient("L")), (6 * radius, 6 * radius))
    # The gradient has not faded out at the edges of its square, where it stands at 75.
    glow = Image.eval(halo, lambda light: max(0, light - 76) ** 2 // 260)
    image.paste(sun.colour, (x - 3 * radius, y - 3 * radius), glow)
    face = _rounded((2 * radius, 2 * radius), radius, 245)
    image.paste(sun.colour, (x - radius, y - radius), face)


def _hang(image: Image.Image, guests: Sequence[Image.Image]) -> None:
    """Hang further sources up in framed rows over the upper part of an image."""
    columns = min(len(guests), 5) or 1
    rows = -(-len(guests) // columns) or 1
    cell = min(image.width * 0.84 / columns, image.height * 0.42 / rows)
    side, frame = int(cell * 0.86), max(1, int(cell * 0.03))
    inner = side - 2 * frame
    for index, guest in enumerate(guests if inner > 0 else ()):
        row, column = divmod(index, columns)
        x = int((image.width - cell * columns) / 2 + cell * (column + 0.07))
        y = int(image.height * 0.10 + cell * (row + 0.07))
        image.paste(_WHITE, (x, y, x + side, y + side))
        small = ImageOps.fit(guest, (inner, inner))
        image.paste(small, (x + frame, y + frame), small)


def _write(image: Image.Image, order: Order, ink: Colour) -> None:
    pen = ImageDraw.Draw(image)
    for caption in _captions.set_captions(order.prompt, order.labels, image.size, ink):
        left, top, right, bottom = caption.box
        mask = _rounded((right - left, bottom - top), caption.letters // 2, caption.opacity)
        image.paste(caption.paper, (left, top), mask)
        for x, y, line in caption.lines:
            pen.text((x, y), line, font=caption.font, fill=caption.ink)
