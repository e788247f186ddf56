"""Where a placeholder's shapes and colours come from: a seed, a shape, a moment, nothing else."""

from __future__ import annotations

import colorsys
import math
import random
from typing import NamedTuple

Colour = tuple[int, int, int]
_RIDGE_STEPS = 96
_SHARE_OF_DUSK = 0.35


class Hill(NamedTuple):
    """A ridge line in shares of the image, and the colours at its crest and foot."""

    crest: Colour
    foot: Colour
    ridge: tuple[tuple[float, float], ...]


class Sun(NamedTuple):
    """Centre in shares of the image, radius in shares of its shorter side."""

    x: float
    y: float
    radius: float
    colour: Colour


class Scene(NamedTuple):
    """A landscape, its hills far to near. `ink` is dark enough to read on white."""

    zenith: Colour
    horizon: Colour
    sun: Sun
    hills: tuple[Hill, ...]
    ink: Colour


def compose(seed: bytes, aspect: float = 1.0, moment: float = 0.0) -> Scene:
    """Invent a landscape; equal seeds give equal ones, on every machine.

    `aspect` is width by height, so that hills keep their shape in a long image; `moment`, from 0
    to 1, is where in its loop an animation stands.
    """
    # Only random() is promised to give the same numbers in every version of Python.
    chance = random.Random(int.from_bytes(seed, "big")).random  # noqa: S311  not for secrets
    # From teal by way of blue and rose to amber: skies. Green ones look sick.
    hue, turn = 0.46 + 0.62 * chance(), (0.09 + 0.07 * chance()) * math.copysign(1, chance() - 0.5)
    sky, far, near = (0.42, 0.47, 0.13) if chance() < _SHARE_OF_DUSK else (0.70, 0.72, 0.24)
    sun = Sun(
        x=0.18 + 0.64 * chance(),
        y=0.20 + 0.16 * chance() - 0.03 * math.sin(math.tau * moment),
        radius=0.07 + 0.06 * chance(),
        colour=_colour(0.08 + 0.08 * chance(), 0.91, 0.85),
    )
    layers, hills = 4 + int(2 * chance()), list[Hill]()
    for layer in range(layers):
        depth = layer / (layers - 1)
        waves = [((0.6 + chance()) * aspect**0.7 * (1 + 1.4 * k), chance(), 0.085 / (1 + 1.6 * k)) for k in range(3)]
        # Whole turns per loop, so that the last frame runs into the first.
        drift = moment * (1 + layer // 2)
        ridge: list[tuple[float, float]] = []
        for step in range(_RIDGE_STEPS + 1):
            x = step / _RIDGE_STEPS
            swell = sum(a * math.sin(math.tau * (f * x + p + drift)) for f, p, a in waves)
            ridge.append((x, 0.46 + 0.36 * depth + swell))
        light, tint = far + (near - far) * depth**0.9, hue + turn * (1.2 - 2.0 * depth)
        crest = _colour(tint, light, 0.42 + 0.12 * depth)
        foot = _colour(tint + turn / 3, min(light + 0.16, 0.92), 0.40)
        hills.append(Hill(crest, foot, tuple(ridge)))
    return Scene(
        zenith=_colour(hue, sky, 0.55),
        horizon=_colour(hue + turn * 1.6, min(sky + 0.24, 0.93), 0.75),
        sun=sun,
        hills=tuple(hills),
        ink=_colour(hue, 0.11, 0.45),
    )


def _colour(hue: float, light: float, saturation: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, light, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)
