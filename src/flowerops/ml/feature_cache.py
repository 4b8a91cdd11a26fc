"""Features on disk: a few large segments for each backbone and geometry, see `feature_segments`."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flowerops.errors import ConflictError
from flowerops.io.locks import exclusive
from flowerops.ml.feature_segments import (
    KEY,
    Features,
    Keys,
    Segment,
    open_segment,
    open_segments,
    segment_paths,
    write_segment,
)

__all__ = ["SEGMENT_IMAGES", "FeatureCache", "FeatureWriter", "Features"]

SEGMENT_IMAGES = 2048
"""Images in a full segment: about 10 MB a file, and no more than so many are computed again after a crash."""

MOST_SMALL = 8
"""So many segments may be smaller; when there are more they become one."""

_LOCK = "merge.lock"
_IN_MEMORY_BYTES = 1 << 30
_ATTEMPTS = 5


class FeatureCache:
    """Features of one backbone and one geometry, by image key.

    Any number of processes may read and add at once: a segment never changes after its rename, and two runs that
    compute the same image only store it twice. What is cut off or altered counts as absent.
    """

    def __init__(self, folder: Path, width: int) -> None:
        """Folder of the segments (need not exist), and the number of features of an image."""
        self._folder = folder
        self._width = width

    def load(self, keys: Sequence[str]) -> tuple[Features, npt.NDArray[np.bool_]]:
        """Look images up.

        Returns:
            float32 [n, width] and bool [n]: the features, and which of them were found; other rows are undefined.
            Beyond 1 GiB the features are a mapped temporary file, so that the system may take their memory back.
        """
        features = room_for(len(keys), self._width, self._folder)
        found = np.zeros(len(keys), bool)
        wanted = np.array([key.encode() for key in keys], KEY)
        segments = self._segments()
        while segments and not found.all():
            segment = segments.pop()  # so that its mapping, whose pages count as memory too, ends with its turn
            missing = np.flatnonzero(~found)
            rows = segment.rows_of(wanted[missing])
            for place, row in zip(missing[rows >= 0], rows[rows >= 0], strict=True):
                if segment.is_whole(row):
                    features[place], found[place] = segment.features[row], True
        return features, found

    @contextlib.contextmanager
    def writer(self) -> Iterator[FeatureWriter]:
        """Collect features and publish them; when the block raises, what was added until then is still published."""
        writer = FeatureWriter(self._folder)
        try:
            yield writer
        finally:
            writer.flush()
        if writer.published:
            self.merge()

    def merge(self) -> None:
        """Make one segment of many small ones, unless another process is at it.

        Readers find each image all the time: the large segment is there before the small ones go, and those who have
        opened a small one keep it.
        """
        if len(self._small()) <= MOST_SMALL:
            return
        with contextlib.suppress(ConflictError), exclusive(self._folder / _LOCK, "the feature cache", timeout_s=0.0):
            for group in _groups(self._small()):
                merged = write_segment(self._folder, *_joined(group))
                for segment in group:
                    if segment.path != merged:
                        with contextlib.suppress(OSError):  # where files in use cannot be deleted they stay
                            segment.path.unlink(missing_ok=True)

    def _small(self) -> list[Segment]:
        return [segment for segment in self._segments() if len(segment) < SEGMENT_IMAGES]

    def _segments(self) -> list[Segment]:
        """All that are whole and of the right width, opened together: one that was merged meanwhile is in another."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                return self._of_width(open_segments(self._folder))
        return self._of_width(_those_left(self._folder))

    def _of_width(self, segments: Iterator[Segment]) -> list[Segment]:
        return [segment for segment in segments if segment.features.shape[1] == self._width]


class FeatureWriter:
    """Gathers features into segments of a good size. published: how many it wrote."""

    def __init__(self, folder: Path) -> None:
        """Where the segments go."""
        self._folder = folder
        self._keys: list[str] = []
        self._blocks: list[Features] = []
        self.published = 0

    def add(self, keys: Sequence[str], features: Features) -> None:
        """Take the features of some images, float32 [n, width]."""
        self._keys += keys
        self._blocks.append(features)
        if len(self._keys) >= SEGMENT_IMAGES:
            self.flush()

    def flush(self) -> None:
        """Publish what was gathered."""
        keys, blocks, self._keys, self._blocks = self._keys, self._blocks, [], []
        if keys:
            features = np.concatenate(blocks)
            blocks.clear()  # they would be in memory three times
            write_segment(self._folder, np.array([key.encode() for key in keys], KEY), features)
            self.published += 1


def room_for(images: int, width: int, folder: Path | None) -> Features:
    """An array for features, float32 [images, width]; a large one is a mapped file without a name.

    Args:
        images: The number of images.
        width: The number of features of an image.
        folder: Where that file takes its room from, made when missing; None for the system's place for such files.
    """
    if images * width * 4 <= _IN_MEMORY_BYTES:
        return np.empty((images, width), np.float32)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.float32, "w+", shape=(images, width))


def _groups(small: list[Segment]) -> Iterator[list[Segment]]:
    """In turn, just as many as fill a segment."""
    group: list[Segment] = []
    for segment in small:
        group.append(segment)
        if sum(map(len, group)) >= SEGMENT_IMAGES:
            yield group
            group = []
    if len(group) > 1:
        yield group


def _joined(segments: list[Segment]) -> tuple[Keys, Features]:
    """Every image that is whole, once."""
    places: dict[bytes, tuple[int, int]] = {}
    for number, segment in enumerate(segments):
        for row, key in enumerate(segment.keys.tolist()):
            if key not in places and segment.is_whole(row):
                places[key] = number, row
    features = np.empty((len(places), segments[0].features.shape[1]), np.float32)
    for place, (number, row) in enumerate(places.values()):
        features[place] = segments[number].features[row]
    return np.array(list(places), KEY), features


def _those_left(folder: Path) -> Iterator[Segment]:
    for path in segment_paths(folder):
        with contextlib.suppress(FileNotFoundError):
            segment = open_segment(path)
            if segment is not None:
                yield segment
