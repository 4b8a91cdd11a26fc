"""Perceptual fingerprints: equal or close for copies that were re-encoded or resized."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

_COLUMNS, _ROWS = 9, 8
_LUMA = np.array([299, 587, 114], np.int64)
"""Weights of red, green and blue in a thousandth of the brightness (ITU-R BT.601)."""


@dataclass(frozen=True)
class Fingerprint:
    """dhash: 64 bits. mean_rgb: the average colour, three values in 0..255."""

    dhash: int
    mean_rgb: tuple[int, int, int]


def fingerprint(image: Image.Image) -> Fingerprint:
    """Difference hash and average colour of an RGB image.

    The hash has one bit for each two neighbours in a row of a 9 x 8 grey thumbnail: is the right one brighter?
    Source: N. Krawetz, "Kind of Like That" (2013).
    """
    small = np.frombuffer(image.resize((_COLUMNS, _ROWS), Image.Resampling.BOX).tobytes(), np.uint8)
    colours = small.reshape(_ROWS, _COLUMNS, 3)
    grey = colours @ _LUMA
    bits = (grey[:, 1:] > grey[:, :-1]).ravel()
    red, green, blue = (round(total / grey.size) for total in colours.sum(axis=(0, 1)).tolist())
    return Fingerprint(int.from_bytes(np.packbits(bits).tobytes(), "big"), (red, green, blue))
