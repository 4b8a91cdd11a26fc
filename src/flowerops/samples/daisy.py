"""Daisies: white rays round a yellow disc."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, Pose
from flowerops.samples.colour import Colour, lit, mix, pick, varied
from flowerops.samples.shapes import blob, even_angles, paint_ring, petal, spiral

_WHITE: Colour = (250, 250, 248)
_TINTS: list[Colour] = [(205, 210, 226), (222, 214, 200), (236, 200, 216), (206, 220, 214)]
_ODD: list[Colour] = [(244, 190, 212), (250, 224, 110), (196, 160, 226)]
_DISCS: list[Colour] = [(246, 190, 30), (238, 170, 26), (250, 208, 60)]


def paint_daisy(canvas: Canvas, rng: np.random.Generator, pose: Pose, odd: bool = False) -> None:
    """Paint one head; an odd one is a pink, yellow or violet garden form."""
    petals = int(rng.integers(11, 24))
    width = rng.uniform(1.6, 2.3) / petals
    outline = petal(width, lean=rng.uniform(1.1, 1.6), fullness=0.55, notch=rng.uniform(0, 0.06), start=0.1)
    white = pick(rng, _ODD) if odd else varied(rng, _WHITE, 3)
    tint = mix(white, pick(rng, _TINTS, 5), 0.75)
    paint_ring(canvas, pose, rng, outline, even_angles(rng, petals), (lit(tint, 0.93), tint))
    paint_ring(canvas, pose, rng, outline * 0.94, even_angles(rng, petals), (tint, white))
    _paint_disc(canvas, rng, pose, rng.uniform(0.22, 0.34))


def _paint_disc(canvas: Canvas, rng: np.random.Generator, pose: Pose, radius: float) -> None:
    yellow = pick(rng, _DISCS, 6)
    rim = blob(rng, radius, 0.03)
    canvas.polygon(pose.place(rim * 1.07), lit(yellow, 0.62), 0.5)
    canvas.polygon(pose.place(rim), lit(yellow, 0.84))
    towards_light = 0.2 * radius * np.array([np.cos(pose.light), np.sin(pose.light)])
    canvas.polygon(pose.place(rim * 0.72 + towards_light), yellow)
    seeds = pose.place(spiral(int(rng.integers(40, 80)), radius * 0.95))
    size = max(0.5, pose.radius * radius * 0.075)
    for place, bright in zip(seeds, rng.uniform(0.78, 1.16, len(seeds)), strict=True):
        canvas.dot(place[0], place[1], size, lit(yellow, bright))
