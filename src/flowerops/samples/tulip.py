"""Tulips: a cup on a stem, seen from the side."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, Points, Pose
from flowerops.samples.colour import Colour, lit, mix, pick

_COLOURS: list[Colour] = [
    (214, 30, 44), (250, 196, 40), (240, 110, 160), (146, 60, 150), (250, 244, 236), (246, 130, 40), (190, 20, 90),
]  # fmt: skip
_ODD: list[Colour] = [(52, 22, 48), (150, 190, 110), (250, 220, 190)]
_WHITE: Colour = (255, 250, 235)


def paint_tulip(canvas: Canvas, rng: np.random.Generator, pose: Pose, odd: bool = False) -> None:
    """Paint one cup, its foot at (0, 1) and its rim at about (0, -1); an odd one gapes, or is nearly black or green."""
    colour = pick(rng, _ODD if odd and rng.random() < 0.6 else _COLOURS, 8)
    edge = mix(colour, _WHITE, rng.uniform(0.45, 0.8)) if rng.random() < 0.25 else lit(colour, 1.1)
    gape = rng.uniform(0.35, 0.6) if odd else rng.uniform(0.0, 0.3)
    back = lit(colour, 0.62)
    for side in (-0.38, 0.38, 0.0):
        lean = side * (1 + gape)
        _paint_petal(canvas, pose, _cup_petal(lean, 0.42, 1.0), lean, back, lit(edge, 0.74))
    for side in (-1, 1) if rng.random() < 0.5 else (1, -1):
        lean = side * (0.5 + gape * 0.7)
        _paint_petal(canvas, pose, _cup_petal(lean, 0.52, 1.0), lean, lit(colour, 0.9 - 0.06 * side), edge)
    lean = rng.uniform(-0.08, 0.08)
    _paint_petal(canvas, pose, _cup_petal(lean, 0.56, rng.uniform(0.84, 0.96)), lean, colour, edge)


def _cup_petal(lean: float, width: float, height: float) -> Points:
    """A petal from the cup's foot up to the rim, bowed out towards `lean`."""
    t = np.linspace(0, 1, 14)
    half = width * np.sin(np.pi * np.clip(t, 0, 1) ** 0.72) ** 0.72
    middle = lean * (0.9 * np.sin(np.pi * 0.58 * t) - 0.1 * t)
    y = 1 - t * 1.95 * height
    left, right = np.stack([middle - half, y], 1), np.stack([middle + half, y], 1)
    return np.concatenate([left, right[::-1]])


def _paint_petal(canvas: Canvas, pose: Pose, outline: Points, lean: float, colour: Colour, edge: Colour) -> None:
    foot = np.array([0.0, 1.0])
    canvas.polygon(pose.place(outline * (1.05, 1.0)), lit(colour, 0.45), 0.35)
    canvas.polygon(pose.place(outline), edge)
    for size, shade in ((0.92, 1.0), (0.78, 0.93), (0.6, 0.84)):
        inner = foot + (outline - foot) * (size**1.3, size)
        canvas.polygon(pose.place(inner + np.array([lean * (1 - size) * 0.9, 0.0])), lit(colour, shade))
    middle = (outline[:14] + outline[14:][::-1]) / 2
    for offset in (-0.5, 0.0, 0.5):
        vein = middle[2:12] + offset * 0.5 * (outline[14:][::-1][2:12] - middle[2:12])
        canvas.line(pose.place(vein), lit(colour, 0.8), max(0.5, pose.radius * 0.014), 0.5)
