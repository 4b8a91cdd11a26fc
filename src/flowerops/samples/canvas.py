"""A sheet to draw on: geometry in final pixels, painted larger and shrunk at the end for smooth edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from flowerops.samples.colour import Colour, as_bytes

Points = npt.NDArray[np.float64]
"""Points of an outline, float64, shape [n, 2], x to the right and y down."""

SUPERSAMPLING = 2
_SHADOW_SCALE = 8
"""Shadows are soft, so they are painted at an eighth of the final size and enlarged."""


@dataclass(frozen=True)
class Pose:
    """Where a flower is and how it faces us: a point (0, 0) at its centre, its rim at distance 1.

    x, y, radius: in final pixels. matrix: float64 [2, 2], turn and tilt.
    light: direction the light comes from, radians.
    """

    x: float
    y: float
    radius: float
    matrix: Points
    light: float = -2.2

    def place(self, points: Points) -> Points:
        """Map unit coordinates (any leading axes, last axis 2) to final pixels."""
        placed: Points = points @ self.matrix.T * self.radius + (self.x, self.y)
        return placed

    def moved(self, dx: float, dy: float) -> Pose:
        """The same pose, moved by final pixels."""
        return Pose(self.x + dx, self.y + dy, self.radius, self.matrix, self.light)


def facing(x: float, y: float, radius: float, turn: float = 0.0, tilt: float = 1.0, lean: float = 0.0) -> Pose:
    """A flower seen from above: turned by `turn` radians, then squashed to `tilt` (0..1) across the axis `lean`."""
    squash = rotation(lean) @ np.diag([1.0, tilt]) @ rotation(-lean)
    return Pose(x, y, radius, squash @ rotation(turn))


def rotation(angle: float) -> Points:
    """Rotation by `angle` radians, float64 [2, 2]."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


class Canvas:
    """An RGB picture under construction."""

    def __init__(self, background: Image.Image, width: int, height: int) -> None:
        self.width, self.height = width, height
        size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
        self.image = background.resize(size, Image.Resampling.BILINEAR)
        self._solid = ImageDraw.Draw(self.image)
        self._glass = ImageDraw.Draw(self.image, "RGBA")

    def polygon(self, points: Points, colour: Colour, alpha: float = 1.0) -> None:
        """Fill an outline."""
        flat = (points * SUPERSAMPLING).ravel().tolist()
        if alpha >= 1:
            self._solid.polygon(flat, as_bytes(colour))
        else:
            self._glass.polygon(flat, (*as_bytes(colour), int(alpha * 255)))

    def line(self, points: Points, colour: Colour, width: float = 1.0, alpha: float = 1.0) -> None:
        """Draw a line through points; the width is in final pixels."""
        flat = (points * SUPERSAMPLING).ravel().tolist()
        thick = max(1, round(width * SUPERSAMPLING))
        if alpha >= 1:
            self._solid.line(flat, as_bytes(colour), thick, "curve")
        else:
            self._glass.line(flat, (*as_bytes(colour), int(alpha * 255)), thick)

    def dot(self, x: float, y: float, radius: float, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a circle."""
        size, at_x, at_y = radius * SUPERSAMPLING, x * SUPERSAMPLING, y * SUPERSAMPLING
        box = (at_x - size, at_y - size, at_x + size, at_y + size)
        if alpha >= 1:
            self._solid.ellipse(box, as_bytes(colour))
        else:
            self._glass.ellipse(box, (*as_bytes(colour), int(alpha * 255)))

    def shadow(self, points: Points, softness: float, alpha: float) -> None:
        """Darken an outline with soft edges; softness in final pixels."""
        margin = 2.5 * softness + 2
        left, top = np.floor(points.min(0) - margin).astype(int)
        size = np.ceil((points.max(0) + margin - (left, top)) / _SHADOW_SCALE).astype(int)
        mask = Image.new("L", (int(size[0]), int(size[1])))
        ImageDraw.Draw(mask).polygon(((points - (left, top)) / _SHADOW_SCALE).ravel().tolist(), int(alpha * 255))
        mask = mask.filter(ImageFilter.GaussianBlur(float(max(0.6, softness / _SHADOW_SCALE))))
        enlarged = _SHADOW_SCALE * SUPERSAMPLING
        mask = mask.resize((mask.width * enlarged, mask.height * enlarged), Image.Resampling.BILINEAR)
        self.image.paste((12, 14, 20), (int(left) * SUPERSAMPLING, int(top) * SUPERSAMPLING), mask)

    def finished(self) -> Image.Image:
        """The picture at its final size."""
        return self.image.reduce(SUPERSAMPLING)
