"""Single squares of a processed version by their photos' hashes, for people to look at."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from flowerops.datasets.processed import ProcessedVersion
from flowerops.domain.dataset import SPLITS, ProcessedImage


def squares(
    version: ProcessedVersion, wanted: Collection[str]
) -> Iterator[tuple[ProcessedImage, npt.NDArray[np.uint8]]]:
    """Some photos' squares by split and SHA-256, few of them in memory at a time.

    Args:
        version: The processed version.
        wanted: SHA-256 of the photos' original bytes.

    Yields:
        The row and its uint8 RGB pixels [size, size, 3].

    Raises:
        StoreIntegrityError: A shard is damaged, or an image is not the one that was written.
    """
    for split in SPLITS:
        images = version.split(split)
        for place, row in enumerate(images.rows):
            if row.sha256 in wanted:
                yield row, images.pixels([place])[0]
