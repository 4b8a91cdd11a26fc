"""Sunflowers: yellow rays round a big dark disc of seeds."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, Pose
from flowerops.samples.colour import Colour, lit, mix, pick
from flowerops.samples.shapes import blob, even_angles, paint_ring, petal, spiral

_RAYS: list[Colour] = [(255, 200, 20), (252, 184, 10), (255, 214, 60), (248, 170, 20)]
_ODD: list[Colour] = [(196, 82, 30), (250, 236, 170), (226, 120, 24)]
_SEEDS: list[Colour] = [(72, 44, 22), (56, 34, 20), (94, 60, 26)]
_HEARTS: list[Colour] = [(120, 128, 50), (60, 38, 20), (150, 110, 40)]


def paint_sunflower(canvas: Canvas, rng: np.random.Generator, pose: Pose, odd: bool = False) -> None:
    """Paint one head; an odd one is rust red, cream, or has a small disc."""
    petals = int(rng.integers(16, 26))
    disc = rng.uniform(0.24, 0.32) if odd else rng.uniform(0.42, 0.56)
    outline = petal(rng.uniform(2.0, 2.7) / petals, lean=0.85, fullness=0.95, start=disc * 0.6)
    ray = pick(rng, _ODD) if odd and rng.random() < 0.6 else pick(rng, _RAYS)
    deep = mix(ray, (206, 110, 10), 0.45)
    paint_ring(canvas, pose, rng, outline, even_angles(rng, petals), (lit(deep, 0.86), deep))
    paint_ring(canvas, pose, rng, outline * 0.95, even_angles(rng, petals, 0.35), (deep, ray))
    _paint_seeds(canvas, rng, pose, disc)


def _paint_seeds(canvas: Canvas, rng: np.random.Generator, pose: Pose, radius: float) -> None:
    dark, heart = pick(rng, _SEEDS, 6), pick(rng, _HEARTS, 6)
    fringe = mix(dark, (200, 130, 30), 0.55)
    rim = blob(rng, radius, 0.025)
    canvas.polygon(pose.place(rim * 1.07), lit(dark, 0.5), 0.45)
    canvas.polygon(pose.place(rim), lit(dark, 0.8))
    count = int(np.clip(pose.radius * 2.2, 60, 210))
    places = spiral(count, radius)
    size = max(0.5, pose.radius * radius * 0.78 / np.sqrt(count))
    bright = rng.uniform(0.8, 1.25, count)
    for share, place, factor in zip(np.linspace(0, 1, count), pose.place(places), bright, strict=True):
        band = mix(heart, dark, min(1, share * 2.6)) if share < 0.72 else mix(dark, fringe, (share - 0.72) * 3.2)
        canvas.dot(place[0], place[1], size, lit(band, factor))
