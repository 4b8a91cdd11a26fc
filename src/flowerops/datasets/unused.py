"""Which segments of the feature cache no image of any version can use."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from flowerops.io.hashing import sha256_bytes

_SEGMENT = re.compile(r"[0-9a-f]{64}")


def unused_segments(folder: Path, keys: set[str]) -> Iterator[tuple[Path, str]]:
    """Segments that readers ignore, because their bytes are not those of their name, or that hold no wanted image.

    Args:
        folder: Of all features, one sub-folder a backbone; see `ml.feature_cache`.
        keys: SHA-256 of the images that any processed version has.

    Yields:
        The file, and why it is of no use. Files of another kind are none of our business.
    """
    for path in sorted(folder.glob("*/*.npy")):
        if _SEGMENT.fullmatch(path.stem):
            data = path.read_bytes()
            if sha256_bytes(data) != path.stem:
                yield path, "features that are damaged"
            elif not _holds(data, keys):
                yield path, "features of images that no version has"


def _holds(data: bytes, keys: set[str]) -> bool:
    try:
        segment = np.load(io.BytesIO(data), allow_pickle=False)
        names = segment["key"]
    except (ValueError, EOFError, IndexError, KeyError):
        return True  # of another layout: leave it alone
    return any(name.decode("ascii", "replace") in keys for name in names.tolist())
