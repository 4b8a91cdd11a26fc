"""Features on disk: immutable segments, each published whole under the SHA-256 of its bytes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes

SEGMENT_IMAGES = 4096
"""Images in a full segment: about 20 MB a file, and no more than so many are computed again after a crash."""

Features = npt.NDArray[np.float32]


class FeatureCache:
    """Features of one backbone and one geometry, by image key.

    Any number of processes may read and add at once: a segment never changes after its rename, and two runs that
    compute the same image only store it twice. A segment that is cut off or altered counts as absent.
    """

    def __init__(self, folder: Path, width: int) -> None:
        """Folder of the segments (need not exist), and the number of features of an image."""
        self._folder = folder
        self._record = np.dtype([("key", "S64"), ("features", "<f4", (width,))])

    def load(self, keys: Sequence[str]) -> tuple[Features, npt.NDArray[np.bool_]]:
        """Look images up.

        Returns:
            float32 [n, width] and bool [n]: the features, and which of them were found; other rows are undefined.
        """
        features = np.empty((len(keys), self._record["features"].shape[0]), np.float32)
        found = np.zeros(len(keys), bool)
        wanted = np.array([key.encode() for key in keys], self._record["key"])
        for segment in self._segments():
            if found.all():
                break
            missing = np.flatnonzero(~found)
            order = np.argsort(segment["key"])
            places = np.searchsorted(segment["key"], wanted[missing], sorter=order)
            rows = order[np.minimum(places, len(order) - 1)]
            hits = segment["key"][rows] == wanted[missing]
            features[missing[hits]] = segment["features"][rows[hits]]
            found[missing[hits]] = True
        return features, found

    @contextlib.contextmanager
    def writer(self) -> Iterator[FeatureWriter]:
        """Collect features and publish them; when the block raises, what was added until then is still published."""
        writer = FeatureWriter(self._publish, self._record)
        try:
            yield writer
        finally:
            writer.flush()

    def _publish(self, records: npt.NDArray[Any]) -> None:
        stream = io.BytesIO()
        np.save(stream, records, allow_pickle=False)
        data = stream.getvalue()
        atomic_write(self._folder / f"{sha256_bytes(data)}.npy", data)

    def _segments(self) -> Iterator[npt.NDArray[Any]]:
        for path in sorted(self._folder.glob("*.npy")):
            segment = self._read(path)
            if segment is not None and len(segment):
                yield segment

    def _read(self, path: Path) -> npt.NDArray[Any] | None:
        try:
            data = path.read_bytes()
            if sha256_bytes(data) != path.stem:
                return None
            segment: npt.NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return segment if segment.dtype == self._record else None


class FeatureWriter:
    """Gathers features into segments of a good size."""

    def __init__(self, publish: Callable[[npt.NDArray[Any]], None], record: np.dtype[Any]) -> None:
        """Where full segments go, and the type of their records."""
        self._publish = publish
        self._record = record
        self._blocks: list[npt.NDArray[Any]] = []

    def add(self, keys: Sequence[str], features: Features) -> None:
        """Take the features of some images, float32 [n, width]."""
        records = np.empty(len(keys), self._record)
        records["key"] = [key.encode() for key in keys]
        records["features"] = features
        self._blocks.append(records)
        if sum(len(block) for block in self._blocks) >= SEGMENT_IMAGES:
            self.flush()

    def flush(self) -> None:
        """Publish what was gathered."""
        blocks, self._blocks = self._blocks, []
        if blocks:
            self._publish(np.concatenate(blocks))
