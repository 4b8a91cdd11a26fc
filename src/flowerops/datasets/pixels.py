"""How a square of pixels is stored: as binary PPM (P6), which every reader of images opens and nothing has to encode.

Source: the Netpbm project, "PPM Format Specification".
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from flowerops.errors import StoreIntegrityError

SUFFIX = ".ppm"
REMEDY = "Delete the version's folder and run preprocess again."
_HEADER = re.compile(rb"P6\n(\d{1,5}) (\d{1,5})\n255\n")


def header(height: int, width: int) -> bytes:
    """What stands before the pixels, which follow row by row as RGB."""
    return b"P6\n%d %d\n255\n" % (width, height)


def stored_size(side: int) -> int:
    """Bytes of a stored square with this side in pixels."""
    return len(header(side, side)) + side * side * 3


def decode_pixels(data: bytes | memoryview) -> npt.NDArray[np.uint8]:
    """The uint8 RGB array [height, width, 3] that was stored; read-only, and a view of `data`.

    Raises:
        StoreIntegrityError: The bytes are not such an image any more.
    """
    found = _HEADER.match(data[:32])
    if found is not None:
        width, height = int(found[1]), int(found[2])
        if len(data) == found.end() + width * height * 3:
            return np.frombuffer(data, np.uint8, offset=found.end()).reshape(height, width, 3)
    raise StoreIntegrityError("a stored image is damaged: not the picture that was written", REMEDY)
