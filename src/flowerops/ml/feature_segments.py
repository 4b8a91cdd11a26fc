"""One file of the feature cache: a segment, which never changes once it has its name.

    64 bytes            magic, number of images n and of features w (both unsigned, 64 bits), zeros
    n x 64 bytes        the images' keys (SHA-256 in hex), ascending
    n x 32 bytes        SHA-256 over each image's key and features
    n x w x 4 bytes     the features, float32

All numbers are little-endian. The file's name is the SHA-256 of everything before the features, so that the few bytes
that say what is where are checked as a whole, and the features of an image whenever they are read: a lookup costs what
it looks up, not the whole file.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes

SUFFIX = ".features"
KEY = np.dtype("S64")

_MAGIC = b"FOFEAT01"
_HEADER = struct.Struct("<8sQQ40x")
_SUM_BYTES = hashlib.sha256().digest_size
_NAME = re.compile(r"[0-9a-f]{64}" + re.escape(SUFFIX))

Features = npt.NDArray[np.float32]
Keys = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class Segment:
    """An open segment; it can be read even after its file was deleted.

    keys: S64 [n], ascending. features: float32 [n, w], not checked yet. sums: what they must hash to, [n, 32].
    """

    path: Path
    keys: Keys
    sums: npt.NDArray[np.uint8]
    features: Features

    def rows_of(self, wanted: Keys) -> npt.NDArray[np.int64]:
        """The row of each wanted key, or -1."""
        if not len(self.keys):
            return np.full(len(wanted), -1)
        rows = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[rows] == wanted, rows, -1)

    def is_whole(self, row: int) -> bool:
        """Whether the features in a row are those that were written for its key."""
        return self.sums[row].tobytes() == _sum(self.keys[row], self.features[row])

    def __len__(self) -> int:
        return len(self.keys)


def write_segment(folder: Path, keys: Keys, features: Features) -> Path:
    """Publish features under the name of their index.

    Args:
        folder: Made when missing.
        keys: S64 [n], in any order.
        features: float32 [n, w].

    Raises:
        DiskFullError, UsageError: No room, or no right to write there.
    """
    order = np.argsort(keys, kind="stable")
    keys, features = keys[order], features[order].astype("<f4", copy=False)
    sums = b"".join(map(_sum, keys, features))
    index = _HEADER.pack(_MAGIC, *features.shape) + keys.tobytes() + sums
    path = folder / f"{sha256_bytes(index)}{SUFFIX}"
    atomic_write(path, b"".join([index, features.data]))
    return path


def open_segment(path: Path) -> Segment | None:
    """Map a segment into memory and check its index; None for a file that is cut off, altered or something else.

    Raises:
        FileNotFoundError: It is not there any more.
    """
    try:
        with path.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise
    except (OSError, ValueError):  # unreadable, or empty
        return None
    if len(data) < _HEADER.size:
        return None
    magic, count, width = _HEADER.unpack_from(data)
    sums_at = _HEADER.size + count * KEY.itemsize
    features_at = sums_at + count * _SUM_BYTES
    if magic != _MAGIC or len(data) != features_at + count * width * 4:
        return None
    if sha256_bytes(memoryview(data)[:features_at]) + SUFFIX != path.name:
        return None
    keys = np.frombuffer(data, KEY, count, _HEADER.size)
    sums = np.frombuffer(data, np.uint8, count * _SUM_BYTES, sums_at).reshape(count, _SUM_BYTES)
    features = np.frombuffer(data, "<f4", count * width, features_at).reshape(count, width)
    return Segment(path, keys, sums, features)


def segment_paths(folder: Path) -> list[Path]:
    """The files of a folder that have a segment's name."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.name))


def open_segments(folder: Path) -> Iterator[Segment]:
    """Those of a folder that are whole; some may be deleted meanwhile.

    Raises:
        FileNotFoundError: One was.
    """
    for path in segment_paths(folder):
        segment = open_segment(path)
        if segment is not None:
            yield segment


def _sum(key: np.bytes_, features: Features) -> bytes:
    digest = hashlib.sha256(key)
    digest.update(features.data)
    return digest.digest()
