"""Read Parquet shards: what they say of each photo, and squares in any order within bounded memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from flowerops.datasets.pixels import REMEDY, decode_pixels
from flowerops.domain.dataset import PhotoFacts, Split
from flowerops.errors import StoreIntegrityError


class ShardRow(NamedTuple):
    """What a shard says of a photo: facts, split, and the number of its class among the version's."""

    facts: PhotoFacts
    split: Split
    label: int


class ShardReader:
    """Reads images of some shards by their place in the order of SHA-256, wherever they lie.

    Whoever goes through the places in order finds each row group (of at most 64 images) in the cache: shards are
    sorted, so as many groups are in use at once as shards overlap. Not for several threads at once.
    """

    def __init__(self, paths: Sequence[Path], walks: int = 1) -> None:
        """walks: how many walks through the places go on in turns."""
        self._files = [(path, _metadata(path)) for path in paths]
        self._groups = [(path, known, group) for path, known in self._files for group in range(known.num_row_groups)]
        lengths = [known.row_group(group).num_rows for _, known, group in self._groups]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        keys = [_keys(path, known) for path, known in self._files]
        self._keys = np.concatenate([np.empty(0, "S64"), *keys])
        self._order = np.argsort(self._keys, kind="stable")
        self._cached_groups = 2 + walks * _most_overlapping(keys)
        self._cache: dict[int, pa.Array] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def sha256s(self) -> list[str]:
        """The photos' SHA-256, sorted; the n-th is that of the n-th image."""
        return [key.decode() for key in self._keys[self._order].tolist()]

    def rows(self) -> Iterator[ShardRow]:
        """Every row but its picture, in the order of the files.

        Raises:
            StoreIntegrityError: A shard is damaged.
        """
        names = [field.name for field in fields(PhotoFacts)]
        for path, known in self._files:
            with _opened(path, known) as file:
                table = file.read(columns=[*names, "split", "label"])
                columns = [table[name].to_pylist() for name in (*names, "split", "label")]
            for *values, split, label in zip(*columns, strict=True):
                yield ShardRow(PhotoFacts(**dict(zip(names, values, strict=True))), split, label)

    def find(self, sha256: str) -> int | None:
        """The place of a photo's image."""
        place = int(np.searchsorted(self._keys, np.bytes_(sha256), sorter=self._order))
        found = place < len(self._keys) and self._keys[self._order[place]] == sha256.encode()
        return place if found else None

    def image(self, place: int) -> memoryview:
        """The stored square at a place.

        Raises:
            StoreIntegrityError: The shard is damaged.
        """
        index = int(self._order[place])
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        stored = self._images(group)[index - int(self._starts[group])].as_buffer()
        if stored is None:
            raise StoreIntegrityError(f"{self._groups[group][0]} has a row without its image", REMEDY)
        return memoryview(stored).cast("B")

    def _images(self, group: int) -> pa.Array:
        images = self._cache.pop(group, None)
        if images is None:
            path, known, number = self._groups[group]
            with _opened(path, known) as file:
                images = file.read_row_group(number, columns=["image"])["image"].combine_chunks().field("bytes")
        self._cache[group] = images  # the dictionary's order is that of their last use
        while len(self._cache) > self._cached_groups:
            self._cache.pop(next(iter(self._cache)))
        return images

    def pixels(self, places: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Images as uint8 RGB, shape [len(places), size, size, 3].

        Raises:
            StoreIntegrityError: A shard or an image in it is damaged.
        """
        images = [decode_pixels(self.image(int(place))) for place in places]
        if len({image.shape for image in images}) > 1:
            raise StoreIntegrityError("stored images differ in size", REMEDY)
        return np.stack(images)


def _keys(path: Path, known: pq.FileMetaData) -> npt.NDArray[np.bytes_]:
    with _opened(path, known) as file:
        return np.array([key.encode() for key in file.read(columns=["sha256"])["sha256"].to_pylist()], "S64")


def _most_overlapping(keys: Sequence[npt.NDArray[np.bytes_]]) -> int:
    """How many of the shards span one and the same SHA-256 at most."""
    spans = [(found[0], found[-1]) for found in map(np.sort, keys) if len(found)]
    return max((sum(first <= start <= last for first, last in spans) for start, _ in spans), default=1)


def _metadata(path: Path) -> pq.FileMetaData:
    with _opened(path) as file:
        return file.metadata


@contextlib.contextmanager
def _opened(path: Path, known: pq.FileMetaData | None = None) -> Iterator[pq.ParquetFile]:
    """A shard for a moment: there may be more of them than a process may keep open.

    It is read and not mapped, since the pages of a mapped file count as memory of the process that reads them all.
    """
    with _checked(path), pq.ParquetFile(path, metadata=known) as file:
        yield file


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, AttributeError, UnicodeDecodeError) as error:
        raise StoreIntegrityError(f"{path} is damaged", REMEDY) from error
