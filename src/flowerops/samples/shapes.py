"""Outlines in unit coordinates, and rings of them."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, Points, Pose
from flowerops.samples.colour import Colour, lit, mix

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
"""The angle between one seed and the next in a flower head, radians."""


def petal(width: float, lean: float = 1.0, fullness: float = 0.6, notch: float = 0.0, start: float = 0.0) -> Points:
    """A petal along the x axis from `start` to 1, float64 [n, 2].

    Args:
        width: Greatest half-width.
        lean: Above 1 the widest place moves towards the tip, below 1 towards the base.
        fullness: Small is blunt and round, large is pointed.
        notch: How deep the tip is cut in.
        start: Distance of the base from the flower's centre.
    """
    t = np.linspace(0, 1, 12)
    half = width * np.sin(np.pi * t**lean) ** fullness
    x = start + (1 - start) * t
    x[-1] -= notch
    return np.concatenate([np.stack([x, half], 1), np.stack([x[-2::-1], -half[-2::-1]], 1)])


def circle(radius: float = 1.0, at: tuple[float, float] = (0.0, 0.0), flat: float = 1.0) -> Points:
    """A circle round `at`, its height `flat` times its width; float64 [40, 2]."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rim: Points = radius * np.stack([np.cos(angles), flat * np.sin(angles)], 1) + at
    return rim


def blob(rng: np.random.Generator, radius: float = 1.0, roughness: float = 0.08, points: int = 36) -> Points:
    """A circle with a wavy rim, float64 [points, 2]."""
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    rim = np.ones(points)
    for wave in (2, 3, 5):
        rim += roughness / wave * 2 * np.sin(wave * angles + rng.uniform(0, 6.3))
    outline: Points = (radius * rim)[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return outline


def turned(outline: Points, angles: Points, lengths: Points | float = 1.0) -> Points:
    """Copies of an outline turned by `angles` and scaled by `lengths`, float64 [copies, n, 2]."""
    cos, sin = np.cos(angles), np.sin(angles)
    turns = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    copies: Points = np.einsum("kij,nj->kni", turns, outline) * np.broadcast_to(lengths, angles.shape)[:, None, None]
    return copies


def spiral(count: int, radius: float = 1.0) -> Points:
    """Places of seeds in a flower head, from the centre outwards, float64 [count, 2].

    Source: H. Vogel, "A better way to construct the sunflower head" (1979).
    """
    index = np.arange(count) + 0.5
    distance = radius * np.sqrt(index / count)
    angle = index * GOLDEN_ANGLE
    places: Points = distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return places


def paint_ring(
    canvas: Canvas,
    pose: Pose,
    rng: np.random.Generator,
    outline: Points,
    angles: Points,
    colours: tuple[Colour, Colour],
) -> None:
    """Paint petals at `angles`, shaded from the first colour at the rim to the second inside, lit from one side."""
    lengths = rng.uniform(0.92, 1.04, len(angles))
    rim = pose.place(turned(outline, angles, lengths))
    tips = pose.place(turned(np.array([[0.62, 0.0]]), angles, lengths))
    ends = pose.place(turned(np.array([[0.12, 0.0], [0.8, 0.0]]), angles, lengths))
    facing_light = 1 + 0.09 * np.cos(angles - pose.light) + rng.uniform(-0.04, 0.04, len(angles))
    edge, inner = colours
    for each in rng.permutation(len(angles)):
        factor = float(facing_light[each])
        canvas.polygon(rim[each], lit(edge, factor * 0.86))
        canvas.polygon(tips[each] + (rim[each] - tips[each]) * 0.86, lit(mix(edge, inner, 0.45), factor))
        canvas.polygon(tips[each] + (rim[each] - tips[each]) * 0.55, lit(inner, factor))
        canvas.line(ends[each], lit(edge, factor * 0.84), max(0.5, pose.radius * 0.012))


def even_angles(rng: np.random.Generator, count: int, jitter: float = 0.25) -> Points:
    """Angles round the circle with a random start, each off by up to `jitter` of a step, radians."""
    step = 2 * np.pi / count
    return rng.uniform(0, step) + step * (np.arange(count) + rng.uniform(-jitter, jitter, count))
