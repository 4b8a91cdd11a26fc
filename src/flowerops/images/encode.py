"""From pixels to the bytes of an image file, for callers whose pixels are to be decoded like everything else."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image


def bmp_bytes(pixels: npt.NDArray[np.uint8]) -> bytes:
    """An uncompressed, lossless image file of uint8 RGB pixels, shape [height, width, 3]."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "BMP")
    return stream.getvalue()
