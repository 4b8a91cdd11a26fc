"""One picture: a place, some flowers of one kind in it, and what is in the way."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from flowerops.samples.backgrounds import BACKGROUNDS
from flowerops.samples.canvas import Canvas, Pose, facing
from flowerops.samples.greenery import paint_grass, paint_stem
from flowerops.samples.photo import developed
from flowerops.samples.plant import SPECIES, paint_plant

_HARD = 0.1
"""Share of pictures that are meant to be hard: tiny, half hidden or of an unusual form."""


def draw_scene(label: str, rng: np.random.Generator) -> Image.Image:
    """Draw one picture of the flower, RGB, 240 to 640 pixels on its longer side."""
    width, height = _picture_size(rng)
    hard = rng.random() < _HARD
    canvas = Canvas(_backdrop(label, rng, width, height), width, height)
    for pose in _arrange(label, rng, width, height, hard):
        paint_plant(canvas, rng, label, pose, odd=rng.random() < (0.45 if hard else 0.06))
    if hard and rng.random() < 0.6:
        paint_grass(canvas, rng, 40, 0.85)
    elif rng.random() < 0.3:
        paint_grass(canvas, rng, int(rng.integers(8, 40)), rng.uniform(0.15, 0.4))
    return developed(canvas.finished(), rng)


def _picture_size(rng: np.random.Generator) -> tuple[int, int]:
    long = int(rng.choice([240, 280, 320, 360, 400, 440, 500, 640]))
    short = max(240, int(long / rng.choice([1.0, 1.25, 4 / 3, 1.5])))
    return (short, long) if rng.random() < 0.4 else (long, short)


def _backdrop(label: str, rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """The background at a third of the size, out of focus, sometimes with more of the same flowers far away."""
    small_width, small_height = width // 3, height // 3
    canvas = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))](rng, small_width, small_height)
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(2, 7))):
            x, y = rng.uniform((0, small_height * 0.2), (small_width, small_height))
            pose = _pose(label, rng, x, y, min(small_width, small_height) * rng.uniform(0.06, 0.13))
            paint_stem(canvas, rng, pose, pose.radius * 0.15, 0.5 if SPECIES[label].upright else 0.0)
            SPECIES[label].head(canvas, rng, pose, False)
    return canvas.finished().filter(ImageFilter.GaussianBlur(float(rng.uniform(0.8, 2.6))))


def _pose(label: str, rng: np.random.Generator, x: float, y: float, radius: float) -> Pose:
    if SPECIES[label].upright:
        return facing(x, y, radius * rng.uniform(0.9, 1.1), turn=rng.normal(0, 0.16), tilt=rng.uniform(0.78, 1.0))
    tilt = rng.uniform(0.55, 1.0) if rng.random() < 0.5 else 1.0
    return facing(x, y, radius, turn=rng.uniform(0, 6.3), tilt=tilt, lean=rng.normal(0, 0.3))


def _arrange(label: str, rng: np.random.Generator, width: int, height: int, hard: bool) -> list[Pose]:
    """Places for one flower or several, the nearer ones (lower and larger) last."""
    many = [1, 1, 1, 1, 2, 3, 4, 6, 9]
    count = int(rng.choice([1, 2, 3] if hard else many))
    usual = SPECIES[label].size * min(width, height) * float(np.exp(rng.normal(0, 0.16)))
    if count == 1:
        grown = usual * (rng.uniform(0.25, 0.6) if hard else rng.uniform(0.9, 1.5))
        x, y = rng.normal(0.5, 0.1) * width, rng.normal(0.47, 0.08) * height
        return [_pose(label, rng, x, y, grown)]
    radius = usual * (0.5 if hard else 1.15) / count**0.42
    places: list[tuple[float, float]] = []
    for _ in range(count * 12):
        x, y = rng.uniform((0.08 * width, 0.14 * height), (0.92 * width, 0.8 * height))
        if len(places) < count and all(np.hypot(x - a, y - b) > radius * 1.55 for a, b in places):
            places.append((x, y))
    places.sort(key=lambda place: place[1])
    return [_pose(label, rng, x, y, radius * (0.8 + 0.4 * y / height)) for x, y in places]
