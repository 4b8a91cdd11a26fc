"""Single squares of a processed version by their photos' hashes, for people to look at."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.shards import ShardReader, decode_pixels, shard_plan
from flowerops.domain.dataset import SPLITS, ProcessedImage
from flowerops.errors import StoreIntegrityError
from flowerops.io.hashing import sha256_bytes


def squares(
    version: ProcessedVersion, wanted: Collection[str]
) -> Iterator[tuple[ProcessedImage, npt.NDArray[np.uint8]]]:
    """Some photos' squares in the order of the shards, one row group in memory at a time.

    Args:
        version: The processed version.
        wanted: SHA-256 of the photos' original bytes.

    Yields:
        The row and its uint8 RGB pixels [size, size, 3].

    Raises:
        StoreIntegrityError: A shard is damaged, or an image is not the one that was written.
    """
    for split in SPLITS:
        ordered = [row for _, part in shard_plan([row for row in version.rows if row.split == split]) for row in part]
        places = [index for index, row in enumerate(ordered) if row.sha256 in wanted]
        reader = ShardReader(version.folder, split, cached_groups=1)
        if len(reader) != len(ordered):
            raise _damaged(f"{version.folder}: the {split} shards do not hold the images of the manifest")
        for place in places:
            pixels = decode_pixels(reader.image(place))
            if sha256_bytes(pixels.tobytes()) != ordered[place].pixels_sha256:
                raise _damaged(f"image {ordered[place].path} of the {split} split is corrupt")
            yield ordered[place], pixels


def _damaged(message: str) -> StoreIntegrityError:
    return StoreIntegrityError(message, "Delete the version's folder and run preprocess again.")
