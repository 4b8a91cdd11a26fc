"""A whole plant: stem and leaves in its kind's manner, the shadow under the flower, and the flower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flowerops.samples.canvas import Canvas, Points, Pose
from flowerops.samples.daisy import paint_daisy
from flowerops.samples.dandelion import paint_dandelion
from flowerops.samples.greenery import paint_leaf, paint_long_leaf, paint_stem, paint_toothed_leaf
from flowerops.samples.rose import paint_rose
from flowerops.samples.shapes import circle
from flowerops.samples.sunflower import paint_sunflower
from flowerops.samples.tulip import paint_tulip
from flowerops.samples.visitors import paint_bee, paint_ladybird

Head = Callable[[Canvas, np.random.Generator, Pose, bool], None]


@dataclass(frozen=True)
class Species:
    """How a kind of flower is painted.

    size: usual radius as a share of the picture's shorter side. stem: width as a share of the radius.
    upright: seen from the side, foot down, instead of from above.
    """

    head: Head
    size: float
    stem: float
    upright: bool = False


SPECIES: dict[str, Species] = {
    "daisy": Species(paint_daisy, 0.27, 0.07),
    "dandelion": Species(paint_dandelion, 0.27, 0.09),
    "roses": Species(paint_rose, 0.29, 0.12),
    "sunflowers": Species(paint_sunflower, 0.34, 0.14),
    "tulips": Species(paint_tulip, 0.24, 0.15, upright=True),
}
"""The five kinds, under the names of their class folders."""
_ON_STEMS = {"dandelion", "tulips"}
"""Never painted straight from above among their leaves: one has a see-through globe, the other shows its cup."""


def paint_plant(canvas: Canvas, rng: np.random.Generator, label: str, pose: Pose, odd: bool) -> None:
    """Paint one plant of a kind; `odd` asks for an unusual form of the flower."""
    species = SPECIES[label]
    if label in _ON_STEMS or rng.random() < 0.7:
        line = paint_stem(canvas, rng, pose, pose.radius * species.stem, 0.9 if species.upright else 0.0)
        _paint_leaves_along(canvas, rng, label, pose, line)
    elif rng.random() < 0.8:
        _paint_leaves_around(canvas, rng, pose)
    drop = pose.radius * 0.12
    canvas.shadow(pose.moved(drop, drop * 1.4).place(circle(0.92)), pose.radius * 0.2, 0.3)
    species.head(canvas, rng, pose, odd)
    if rng.random() < 0.05 and pose.radius > 40:
        spot = pose.place(rng.uniform(-0.55, 0.55, 2))
        visitor = paint_ladybird if rng.random() < 0.5 else paint_bee
        visitor(canvas, rng, spot[0], spot[1], pose.radius * rng.uniform(0.1, 0.15))


def _paint_leaves_along(canvas: Canvas, rng: np.random.Generator, label: str, pose: Pose, stem: Points) -> None:
    foot, radius = stem[-1], pose.radius
    if label == "tulips":
        for side in (-1, 1):
            height = min(radius * rng.uniform(1.2, 2.4) + canvas.height * 0.1, canvas.height)
            tip = foot + np.array([side * radius * rng.uniform(0.5, 1.4), -height])
            paint_long_leaf(canvas, rng, foot, tip, radius * rng.uniform(0.16, 0.26))
        return
    for _ in range(int(rng.integers(1, 4))):
        if label == "dandelion":
            length = min(radius * rng.uniform(1.2, 2.2), (foot[1] - pose.y) * 0.7)
            paint_toothed_leaf(canvas, rng, foot, length, -np.pi / 2 + rng.normal(0, 0.7))
        else:
            base = stem[int(rng.integers(4, len(stem) - 2))]
            angle = rng.uniform(-0.7, 0.5) + (np.pi if rng.random() < 0.5 else 0.0)
            paint_leaf(canvas, rng, base, radius * rng.uniform(0.6, 1.1), angle, rng.uniform(0.2, 0.36))


def _paint_leaves_around(canvas: Canvas, rng: np.random.Generator, pose: Pose) -> None:
    base = np.array([pose.x, pose.y])
    for angle in rng.uniform(0, 2 * np.pi, int(rng.integers(3, 7))):
        length = pose.radius * rng.uniform(1.1, 1.7)
        paint_leaf(canvas, rng, base, length, angle, rng.uniform(0.18, 0.34))
