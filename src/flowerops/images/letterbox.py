"""Where a photo lies in its square."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels, the last two not included."""
_WHITE = 255


def content_box(pixels: npt.NDArray[np.uint8]) -> Box:
    """All of a picture, uint8 RGB [height, width, 3], but a letterbox of pure white; all of it where all is white."""
    painted = (pixels != _WHITE).any(2)
    rows, columns = np.flatnonzero(painted.any(1)), np.flatnonzero(painted.any(0))
    if not len(rows):
        return 0, 0, pixels.shape[1], pixels.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def without_letterbox(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The part of a picture in its `content_box`."""
    left, top, right, bottom = content_box(pixels)
    return pixels[top:bottom, left:right]
