"""Perceptual fingerprints: equal or close for copies that were re-encoded or resized."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

_GRID = 9
_LUMA = np.array([299, 587, 114], np.int64)
"""Weights of red, green and blue in a thousandth of the brightness (ITU-R BT.601)."""


@dataclass(frozen=True)
class Fingerprint:
    """dhash: 128 bits. mean_rgb: the average colour, three values in 0..255."""

    dhash: int
    mean_rgb: tuple[int, int, int]


def fingerprint(image: Image.Image) -> Fingerprint:
    """Difference hash and average colour of an RGB image.

    The image is averaged to 9 x 9 fields. The hash's first 64 bits say of two neighbours in a row whether the right one
    is brighter, the other 64 of two in a column whether the lower one is: gradients that one direction does not see are
    seen by the other.
    Source: N. Krawetz, "Kind of Like That" (2013), and B. Hoyt, "Duplicate image detection with perceptual hashing in
    Python" (2017), who adds the columns.
    """
    fields = np.frombuffer(image.resize((_GRID, _GRID), Image.Resampling.BOX).tobytes(), np.uint8)
    colours = fields.reshape(_GRID, _GRID, 3)
    grey = colours @ _LUMA
    rightwards, downwards = grey[:-1, 1:] > grey[:-1, :-1], grey[1:, :-1] > grey[:-1, :-1]
    bits = np.packbits(np.concatenate([rightwards.ravel(), downwards.ravel()]))
    red, green, blue = (round(total / grey.size) for total in colours.sum(axis=(0, 1)).tolist())
    return Fingerprint(int.from_bytes(bits.tobytes(), "big"), (red, green, blue))
