"""Green things: stems, leaves and blades of grass."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, Points, Pose
from flowerops.samples.colour import Colour, lit, mix, pick, varied
from flowerops.samples.shapes import petal, turned

GREENS: list[Colour] = [(62, 112, 42), (84, 136, 50), (48, 96, 52), (106, 150, 62), (70, 120, 80)]


def curve(start: Points, end: Points, bow: float, points: int = 16) -> Points:
    """A bent line between two points, off the straight by `bow` of its length; float64 [points, 2]."""
    t = np.linspace(0, 1, points)[:, None]
    across = np.array([-(end - start)[1], (end - start)[0]])
    line: Points = start + t * (end - start) + np.sin(np.pi * t) * across * bow
    return line


def ribbon(middle: Points, widths: Points) -> Points:
    """The outline of a band round a line; widths are half-widths in pixels, float64 [n]."""
    along = np.empty_like(middle)
    along[1:-1] = middle[2:] - middle[:-2]
    along[0], along[-1] = middle[1] - middle[0], middle[-1] - middle[-2]
    across = along[:, ::-1] * (-1, 1)
    side = across * (widths / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6))[:, None]
    return np.concatenate([middle + side, (middle - side)[::-1]])


def paint_stem(canvas: Canvas, rng: np.random.Generator, pose: Pose, width: float, top: float = 0.0) -> Points:
    """Paint a stem from the flower down to the lower edge; returns its line, float64 [n, 2]."""
    green = pick(rng, GREENS)
    start = pose.place(np.array([0.0, top]))
    foot = np.array([start[0] + rng.uniform(-0.25, 0.25) * canvas.width * 0.5, canvas.height * rng.uniform(1.0, 1.1)])
    line = curve(start, foot, rng.uniform(-0.1, 0.1))
    half = np.linspace(width * 0.42, width * 0.6, len(line))
    canvas.polygon(ribbon(line, half), lit(green, 0.72))
    canvas.polygon(ribbon(line - (half * 0.3)[:, None] * (1, 0), half * 0.55), green)
    canvas.polygon(ribbon(line - (half * 0.5)[:, None] * (1, 0), half * 0.2), lit(green, 1.2))
    return line


def paint_leaf(
    canvas: Canvas, rng: np.random.Generator, base: Points, length: float, angle: float, width: float
) -> None:
    """Paint an oval leaf with a midrib; angle in radians, length in pixels, width as a share of the length."""
    green = pick(rng, GREENS)
    outline = base + turned(petal(width, lean=0.8, fullness=0.85), np.array([angle]), length)[0]
    rib = base + turned(np.array([[0.0, 0.0], [0.95, 0.0]]), np.array([angle]), length)[0]
    canvas.polygon(outline, lit(green, 0.74))
    canvas.polygon(np.concatenate([outline[:12], rib[::-1]]), lit(green, 1.02))
    for share in (0.25, 0.42, 0.58, 0.74):
        root = rib[0] + (rib[1] - rib[0]) * share
        for side in (3, 20):
            tip = rib[0] + (outline[side + (5 if side == 3 else -5)] - rib[0]) * (share + 0.3)
            canvas.line(np.stack([root, root + (tip - root) * 0.6]), lit(green, 0.66), 0.6, 0.5)
    canvas.line(rib, lit(green, 1.3), max(0.7, length * 0.014))


def paint_long_leaf(canvas: Canvas, rng: np.random.Generator, foot: Points, tip: Points, width: float) -> None:
    """Paint a tulip's leaf, a folded ribbon from the foot to the tip; width in pixels."""
    green = mix(pick(rng, GREENS), (110, 160, 140), 0.35)
    line = curve(foot, tip, rng.uniform(-0.2, 0.2), 18)
    half = width * np.sin(np.pi * np.linspace(0.12, 1, 18)) ** 0.8
    canvas.polygon(ribbon(line, half), lit(green, 0.68))
    outline = ribbon(line, half)
    canvas.polygon(np.concatenate([outline[:18], line[::-1]]), lit(green, 0.98))
    canvas.line(line, lit(green, 1.22), max(0.6, width * 0.08))


def paint_toothed_leaf(canvas: Canvas, rng: np.random.Generator, base: Points, length: float, angle: float) -> None:
    """Paint a dandelion's leaf, its teeth turned back to the base; angle in radians, length in pixels."""
    green = pick(rng, GREENS)
    teeth = np.linspace(0.18, 0.86, 6)
    half = 0.17 * np.sin(np.pi * teeth**1.2) ** 0.7 + 0.03
    tips, notches = np.stack([teeth, half], 1), np.stack([teeth + 0.07, half * 0.32], 1)
    side = np.concatenate([[[0.0, 0.015]], np.stack([tips, notches], 1).reshape(-1, 2), [[1.0, 0.0]]])
    outline = np.concatenate([side, side[::-1] * (1, -1)])
    turn = np.array([angle])
    canvas.polygon(base + turned(outline, turn, length)[0], lit(green, 0.76))
    canvas.polygon(base + turned(np.concatenate([side, [[0.0, 0.0]]]), turn, length)[0], lit(green, 1.0))
    canvas.line(base + turned(np.array([[0.0, 0.0], [0.95, 0.0]]), turn, length)[0], lit(green, 1.35), length * 0.014)


def paint_grass(canvas: Canvas, rng: np.random.Generator, count: int, height: float) -> None:
    """Paint blades of grass along the lower edge; height is a share of the picture's."""
    base = pick(rng, GREENS)
    for _ in range(count):
        foot = np.array([rng.uniform(-0.05, 1.05) * canvas.width, canvas.height * 1.02])
        reach = canvas.height * height * rng.uniform(0.4, 1.0)
        tip = foot + np.array([rng.normal(0, reach * 0.25), -reach])
        line = curve(foot, tip, rng.uniform(-0.15, 0.15), 8)
        half = np.linspace(rng.uniform(0.6, 1.0) * canvas.width * 0.008, 0.2, 8)
        colour = varied(rng, base, 14)
        bright = rng.uniform(0.7, 1.15)
        canvas.polygon(ribbon(line, half), lit(colour, bright))
        canvas.line(line, lit(colour, bright * 1.12), 0.5)
