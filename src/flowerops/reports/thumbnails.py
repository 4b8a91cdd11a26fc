"""Small JPEGs for a page."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from flowerops.images import without_letterbox

SIDE = 160
"""Side in pixels: a little more than a card on the page is wide, so that fine screens have something to show."""


def thumbnail(pixels: npt.NDArray[np.uint8], side: int = SIDE, quality: int = 82) -> bytes:
    """Shrink a picture to at most `side` pixels and encode it as JPEG (3 to 9 kB with what is usual here).

    Args:
        pixels: uint8 RGB [height, width, 3]; a letterbox of pure white is cut off.
        side: The longer side of the result.
        quality: Of the JPEG, 1..95.
    """
    image = Image.fromarray(without_letterbox(pixels))
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
