"""Dandelions: a yellow pompon, or later a globe of seeds."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, Points, Pose, facing
from flowerops.samples.colour import Colour, lit, mix, pick, varied
from flowerops.samples.shapes import circle, even_angles, petal, spiral, turned

_YELLOWS: list[Colour] = [(255, 214, 24), (250, 200, 16), (255, 224, 60)]
_ORANGE: Colour = (238, 150, 10)
_FLUFF: Colour = (250, 250, 252)


def paint_dandelion(canvas: Canvas, rng: np.random.Generator, pose: Pose, odd: bool = False) -> None:
    """Paint one head: in flower or gone to seed; an odd one has opened only half, or lost half of its seeds."""
    if rng.random() < 0.4:
        _paint_globe(canvas, rng, pose, share=rng.uniform(0.35, 0.6) if odd else 1.0)
    else:
        _paint_pompon(canvas, rng, pose, rings=3 if odd else 6)


def _paint_pompon(canvas: Canvas, rng: np.random.Generator, pose: Pose, rings: int) -> None:
    yellow = pick(rng, _YELLOWS, 6)
    deep = mix(yellow, _ORANGE, rng.uniform(0.25, 0.6))
    canvas.polygon(pose.place(circle(0.8)), lit(deep, 0.75))
    for ring in range(rings):
        reach = 1 - ring / rings * 0.92
        count = max(9, int(40 * reach**0.7))
        angles = even_angles(rng, count, 0.45)
        outline = petal(0.075 / reach**0.5, lean=1.5, fullness=0.4, start=0.05) * reach
        outline[11, 0] += 0.02
        blades = pose.place(turned(outline, angles, rng.uniform(0.84, 1.06, count)))
        inner = pose.place(turned(outline * (1, 0.45), angles, 0.97))
        colour = mix(yellow, deep, 0.9 * (ring + 1) / rings)
        bright = 1 + 0.08 * np.cos(angles - pose.light) + rng.uniform(-0.07, 0.07, count)
        for each in rng.permutation(count):
            canvas.polygon(blades[each], lit(colour, float(bright[each]) * 0.82))
            canvas.polygon(inner[each], lit(colour, float(bright[each]) * 1.04))


def _paint_globe(canvas: Canvas, rng: np.random.Generator, pose: Pose, share: float) -> None:
    pose = facing(pose.x, pose.y, pose.radius * 0.94)  # a ball looks the same from every side
    fluff = varied(rng, _FLUFF, 4)
    for size, alpha in ((1.0, 0.10), (0.86, 0.10), (0.66, 0.12)):
        canvas.polygon(pose.place(circle(0.97 * size)), fluff, alpha * (0.4 + 0.6 * share))
    seeds = spiral(int(rng.integers(60, 100)), 0.86)
    if share < 1:
        away = np.abs((np.arctan2(seeds[:, 1], seeds[:, 0]) - rng.uniform(0, 6.3) + np.pi) % (2 * np.pi) - np.pi)
        seeds = seeds[away < np.pi * share]
    thin = max(0.5, pose.radius * 0.008)
    canvas.polygon(pose.place(circle(0.13)), (122, 96, 62))
    for seed in seeds:
        canvas.line(pose.place(np.array([seed * 0.12, seed])), lit(fluff, 0.9), thin, 0.45)
        canvas.line(pose.place(_parachute(rng, seed)), fluff, thin, 0.75)
    canvas.polygon(pose.place(circle(0.07)), (92, 70, 46), 0.8)


def _parachute(rng: np.random.Generator, seed: Points) -> Points:
    """A star of hairs as one line, from its middle out to each end and back; float64 [2 * hairs, 2]."""
    hairs = int(rng.integers(7, 11))
    angles = even_angles(rng, hairs, 0.3)
    star = np.tile(seed, (2 * hairs, 1))
    star[1::2] += rng.uniform(0.11, 0.16) * np.stack([np.cos(angles), np.sin(angles)], 1)
    return star
