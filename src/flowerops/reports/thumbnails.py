"""Small JPEGs for a page."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

_WHITE = 255
SIDE = 160
"""Side in pixels: a little more than a card on the page is wide, so that fine screens have something to show."""


def thumbnail(pixels: npt.NDArray[np.uint8], side: int = SIDE) -> bytes:
    """Shrink a picture to at most `side` pixels and encode it as JPEG (3 to 9 kB).

    Args:
        pixels: uint8 RGB [height, width, 3]; a letterbox of pure white is cut off.
        side: The longer side of the result.
    """
    image = Image.fromarray(_without_letterbox(pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=82, optimize=True)
    return buffer.getvalue()


def _without_letterbox(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    painted = (pixels != _WHITE).any(2)
    rows, columns = np.flatnonzero(painted.any(1)), np.flatnonzero(painted.any(0))
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
