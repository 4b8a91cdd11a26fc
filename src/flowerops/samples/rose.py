"""Roses: broad petals overlapping in a spiral."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, Points, Pose
from flowerops.samples.colour import Colour, lit, mix, pick
from flowerops.samples.shapes import GOLDEN_ANGLE, turned

_COLOURS: list[Colour] = [
    (206, 24, 46), (178, 14, 40), (236, 110, 146), (248, 182, 196), (246, 240, 228), (250, 206, 96), (250, 170, 126),
]  # fmt: skip
_ODD: list[Colour] = [(168, 140, 210), (226, 236, 190), (96, 20, 50)]


def paint_rose(canvas: Canvas, rng: np.random.Generator, pose: Pose, odd: bool = False) -> None:
    """Paint one head seen from above; an odd one is lavender, greenish or nearly black."""
    colour = pick(rng, _ODD if odd else _COLOURS, 8)
    deep = mix(lit(colour, 0.5), (120, 0, 30), 0.25)
    petals = int(rng.integers(17, 25))
    start = rng.uniform(0, 2 * np.pi)
    for each in range(petals):
        share = each / (petals - 1)
        angle = start + each * (GOLDEN_ANGLE + 0.06)
        reach = 1.02 - 0.86 * share**0.85
        _paint_petal(canvas, rng, pose, angle, reach, (mix(colour, deep, 0.55 * share), deep))
    _paint_heart(canvas, pose, start, colour, deep)


def _petal_outline(rng: np.random.Generator) -> Points:
    """A broad shell from the flower's centre to distance 1, with a slightly waved lip."""
    across = np.linspace(-1, 1, 15)
    lip = 0.93 + 0.07 * np.cos(across * np.pi * rng.uniform(0.8, 1.6) + rng.uniform(-0.6, 0.6)) - 0.16 * across**4
    spread = 1.02 * across
    rim = np.stack([lip * np.cos(spread), lip * np.sin(spread)], 1)
    return np.concatenate([rim, [[-0.1, 0.3], [-0.1, -0.3]]])


def _paint_petal(
    canvas: Canvas, rng: np.random.Generator, pose: Pose, angle: float, reach: float, colours: tuple[Colour, Colour]
) -> None:
    colour, deep = colours
    outline = turned(_petal_outline(rng), np.array([angle]), reach)[0]
    towards = np.array([np.cos(angle), np.sin(angle)])
    light = 1 + 0.12 * float(np.cos(angle - pose.light)) + float(rng.uniform(-0.04, 0.04))
    canvas.polygon(pose.place(outline * 1.05 + 0.015 * towards), lit(deep, 0.55), 0.14 + 0.3 * (1 - reach))
    canvas.polygon(pose.place(outline), lit(mix(colour, (255, 250, 245), 0.22), light))
    canvas.polygon(pose.place(outline * 0.94), lit(colour, light))
    canvas.polygon(pose.place(outline * 0.8), lit(mix(colour, deep, 0.22), light))
    canvas.polygon(pose.place(outline * 0.62), lit(mix(colour, deep, 0.48), light))


def _paint_heart(canvas: Canvas, pose: Pose, start: float, colour: Colour, deep: Colour) -> None:
    turns = np.linspace(0, 4.6 * np.pi, 60)
    distance = 0.02 + 0.185 * turns / turns[-1]
    curl = distance[:, None] * np.stack([np.cos(turns + start), np.sin(turns + start)], 1)
    canvas.polygon(pose.place(curl[-26:] * 1.04), mix(colour, deep, 0.65))
    canvas.line(pose.place(curl), lit(deep, 0.8), max(0.6, pose.radius * 0.035))
    canvas.line(pose.place(curl * 1.07), lit(mix(colour, (255, 255, 255), 0.15), 0.95), max(0.5, pose.radius * 0.016))
