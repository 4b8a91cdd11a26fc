"""What is behind the flowers. Painted small and out of focus, as a lens would show it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from flowerops.samples.canvas import Canvas
from flowerops.samples.colour import Colour, as_bytes, lit, mix, pick, varied
from flowerops.samples.greenery import GREENS, paint_grass
from flowerops.samples.shapes import blob

_SKIES: list[tuple[Colour, Colour]] = [
    ((70, 138, 214), (206, 230, 246)),
    ((110, 160, 210), (250, 226, 196)),
    ((64, 88, 150), (250, 176, 130)),
    ((168, 186, 200), (224, 230, 232)),
]
_EARTHS: list[Colour] = [(96, 68, 46), (124, 92, 62), (70, 54, 44), (140, 112, 84)]
_GLOWS: list[tuple[Colour, Colour]] = [
    ((24, 48, 34), (74, 112, 58)),
    ((40, 34, 56), (120, 86, 110)),
    ((18, 34, 50), (60, 104, 112)),
    ((78, 70, 30), (190, 170, 90)),
]
_WALLS: list[Colour] = [(236, 224, 208), (208, 222, 226), (226, 206, 210), (196, 204, 186), (66, 72, 84)]


def gradient(top: Colour, bottom: Colour, width: int, height: int) -> Image.Image:
    """A picture that fades from one colour to another, downwards."""
    strip = np.array([as_bytes(mix(top, bottom, share)) for share in np.linspace(0, 1, 16)], dtype=np.uint8)
    return Image.fromarray(strip[:, None, :]).resize((width, height), Image.Resampling.BICUBIC)


def _blank(rng: np.random.Generator, width: int, height: int, top: Colour, bottom: Colour) -> Canvas:
    return Canvas(gradient(varied(rng, top, 6), varied(rng, bottom, 6), width, height), width, height)


def meadow(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Layers of grass, darker below."""
    green = pick(rng, GREENS)
    canvas = _blank(rng, width, height, mix(lit(green, 1.3), (214, 222, 150), 0.35), lit(green, 0.55))
    for layer in (1.0, 0.75, 0.5):
        paint_grass(canvas, rng, width // 4, layer)
    return canvas


def sky(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """A sky with clouds, sometimes over a hill."""
    top, bottom = _SKIES[int(rng.integers(len(_SKIES)))]
    canvas = _blank(rng, width, height, top, bottom)
    for _ in range(int(rng.integers(0, 5))):
        middle = rng.uniform((0, 0), (width, height * 0.7))
        for _ in range(9):
            puff = middle + rng.normal(0, 1, 2) * (width * 0.12, height * 0.03)
            canvas.dot(puff[0], puff[1], height * rng.uniform(0.03, 0.1), (255, 252, 248), 0.3)
    if rng.random() < 0.5:
        x = np.linspace(-0.05, 1.05, 20)
        crest = rng.uniform(0.6, 0.9) + 0.06 * np.sin(x * rng.uniform(2, 6) + rng.uniform(0, 6))
        hill = np.concatenate(
            [np.stack([x * width, crest * height], 1), [[width * 1.1, height * 1.1], [-9, height * 1.1]]]
        )
        canvas.polygon(hill, lit(pick(rng, GREENS), 0.95))
    return canvas


def soil(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Earth with crumbs, pebbles and a few dry leaves."""
    earth = pick(rng, _EARTHS)
    canvas = _blank(rng, width, height, lit(earth, 1.12), lit(earth, 0.8))
    for _ in range(width):
        place = rng.uniform((0, 0), (width, height))
        size = abs(rng.normal(0, 0.011)) * width + 0.4
        canvas.dot(place[0], place[1] + size * 0.4, size, lit(earth, 0.5), 0.5)
        canvas.dot(place[0], place[1], size, lit(varied(rng, earth, 12), rng.uniform(0.75, 1.4)))
    for _ in range(int(rng.integers(0, 6))):
        leaf = blob(rng, width * 0.06, 0.2) * (1, 0.5) + rng.uniform((0, 0), (width, height))
        canvas.polygon(leaf, pick(rng, [(150, 96, 40), (112, 78, 44), (86, 112, 48)]), 0.9)
    return canvas


def bokeh(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """Dim colours with round spots of light, as behind a wide-open lens."""
    top, bottom = _GLOWS[int(rng.integers(len(_GLOWS)))]
    if rng.random() < 0.5:
        top, bottom = bottom, top
    canvas = _blank(rng, width, height, top, bottom)
    glow = mix(pick(rng, [(255, 236, 170), (210, 240, 180), (255, 200, 180), (200, 224, 255)]), bottom, 0.3)
    for _ in range(int(rng.integers(10, 30))):
        place = rng.uniform((0, 0), (width, height))
        size = min(width, height) * rng.uniform(0.03, 0.11)
        alpha = rng.uniform(0.08, 0.34)
        canvas.dot(place[0], place[1], size, glow, alpha)
        canvas.dot(place[0], place[1], size * 0.86, lit(glow, 0.96), alpha * 0.5)
    return canvas


def wall(rng: np.random.Generator, width: int, height: int) -> Canvas:
    """A plain wall over a table, lit from one side."""
    tone = pick(rng, _WALLS, 6)
    canvas = _blank(rng, width, height, lit(tone, 1.05), lit(tone, 0.82))
    edge = height * rng.uniform(0.7, 0.9)
    table = np.array([[-9, edge], [width + 9, edge], [width + 9, height + 9], [-9, height + 9]])
    canvas.polygon(table, lit(pick(rng, [(150, 110, 76), (210, 196, 178), (92, 76, 66)]), 1.0))
    slant = rng.uniform(-0.4, 0.4) * width
    for pane in (0.15, 0.45):
        left, right = pane * width, (pane + 0.24) * width
        light = np.array([[left, 0], [right, 0], [right + slant, edge], [left + slant, edge]])
        canvas.polygon(light, (255, 250, 232), 0.16)
    return canvas


BACKGROUNDS: list[Callable[[np.random.Generator, int, int], Canvas]] = [meadow, sky, soil, bokeh, wall]
"""Each takes a generator and a size in pixels, and returns a painted canvas; the flower has no say in the choice."""
