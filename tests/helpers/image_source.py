"""Images in memory for training tests: classes are told apart by colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowerops.io.hashing import sha256_bytes

_COLOURS = ((220, 40, 40), (40, 200, 60), (50, 70, 220), (230, 210, 40))


@dataclass
class ArraySource:
    """An ImageSource over an array; counts how many images were read."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    reads: int = 0

    @property
    def keys(self) -> Sequence[str]:
        """Hashes of the pixels, which stand for the photos' bytes."""
        return [sha256_bytes(image.tobytes()) for image in self.images]

    def pixels(self, indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Images by position."""
        self.reads += len(indices)
        return self.images[list(indices)]


def coloured(count: int, size: int, classes: int = 2, seed: int = 0) -> ArraySource:
    """Noisy squares, `count` in all, whose colour is their class."""
    noise = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % classes
    images = np.array(_COLOURS)[labels][:, None, None] + noise.normal(0, 40, (count, size, size, 3))
    return ArraySource(np.clip(images, 0, 255).astype(np.uint8), labels)
