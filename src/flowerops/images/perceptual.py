"""Perceptual hash: equal or close for copies that were re-encoded or resized."""

from __future__ import annotations

import numpy as np
from PIL import Image

HASH_BITS = 64
_COLUMNS, _ROWS = 9, 8


def dhash(image: Image.Image) -> int:
    """Difference hash: 64 bits, one for each two neighbours in a row of a 9 x 8 grey thumbnail: is the right one brighter?

    Source: N. Krawetz, "Kind of Like That" (2013).
    """
    small = image.convert("L").resize((_COLUMNS, _ROWS), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.int16)
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
