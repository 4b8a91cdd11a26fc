"""Small animals that sit on flowers now and then."""

from __future__ import annotations

import numpy as np

from flowerops.samples.canvas import Canvas, facing
from flowerops.samples.colour import Colour
from flowerops.samples.shapes import circle

_BLACK: Colour = (26, 22, 24)


def paint_ladybird(canvas: Canvas, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Paint a ladybird; size is half of its length in pixels."""
    pose = facing(x, y, size, turn=rng.uniform(0, 6.3))
    canvas.polygon(pose.moved(size * 0.15, size * 0.25).place(circle(flat=0.8)), (0, 0, 0), 0.3)
    canvas.polygon(pose.place(circle(0.42, at=(0.85, 0))), _BLACK)
    canvas.polygon(pose.place(circle(flat=0.8)), (206, 30, 28))
    canvas.polygon(pose.place(circle(0.55, at=(-0.1, -0.3), flat=0.6)), (232, 66, 52))
    canvas.line(pose.place(np.array([[-1.0, 0.0], [0.9, 0.0]])), _BLACK, max(0.5, size * 0.08))
    for dot_x, dot_y in ((0.35, 0.42), (-0.3, 0.45), (0.35, -0.42), (-0.3, -0.45), (-0.72, 0.16), (-0.72, -0.16)):
        canvas.polygon(pose.place(circle(0.17, at=(dot_x, dot_y))), _BLACK)


def paint_bee(canvas: Canvas, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Paint a bee; size is half of its length in pixels."""
    pose = facing(x, y, size, turn=rng.uniform(0, 6.3))
    canvas.polygon(pose.moved(size * 0.2, size * 0.35).place(circle(flat=0.5)), (0, 0, 0), 0.25)
    canvas.polygon(pose.place(circle(0.9, at=(-0.2, 0), flat=0.55)), (226, 160, 36))
    for stripe, half in ((-0.75, 0.3), (-0.42, 0.45), (-0.08, 0.49)):
        band = np.array([[stripe, -half], [stripe + 0.17, -half], [stripe + 0.17, half], [stripe, half]])
        canvas.polygon(pose.place(band), _BLACK)
    canvas.polygon(pose.place(circle(0.42, at=(0.45, 0))), (128, 84, 34))
    canvas.polygon(pose.place(circle(0.27, at=(0.9, 0))), _BLACK)
    for side in (1, -1):
        canvas.polygon(pose.place(circle(0.42, at=(0.12, 0.6 * side), flat=1.4)), (236, 244, 250), 0.6)
