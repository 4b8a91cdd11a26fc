"""What training reads its images from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class ImageSource(Protocol):
    """Labelled images of one size, by position.

    keys: for each image the SHA-256 (64 hex digits) of the photo's original bytes.
    labels: int64 [n], positions in the list of class names.
    """

    @property
    def keys(self) -> Sequence[str]:
        """SHA-256 of each photo's original bytes, 64 hex digits."""

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Class of each image, int64 [n], a position in the list of class names."""

    def pixels(self, indices: Sequence[int]) -> Pixels:
        """Images at these positions, in this order: uint8 RGB 0..255, shape [len(indices), size, size, 3].

        Called from one thread at a time, mostly with ascending positions.
        """


@dataclass(frozen=True)
class JoinedSource:
    """Two sources one after the other, so that their features are computed in one go."""

    first: ImageSource
    second: ImageSource

    @property
    def keys(self) -> Sequence[str]:
        """Keys of the first source, then of the second."""
        return [*self.first.keys, *self.second.keys]

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Labels of the first source, then of the second."""
        return np.concatenate([self.first.labels, self.second.labels])

    def pixels(self, indices: Sequence[int]) -> Pixels:
        """Images by position in the joined order; positions must ascend."""
        border = len(self.first.keys)
        left = [index for index in indices if index < border]
        right = [index - border for index in indices if index >= border]
        if not right:
            return self.first.pixels(left)
        if not left:
            return self.second.pixels(right)
        return np.concatenate([self.first.pixels(left), self.second.pixels(right)])
