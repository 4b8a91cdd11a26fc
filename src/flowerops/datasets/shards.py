"""Parquet shards in the Hugging Face image layout: `data/<split>-00000-of-00003.parquet`.

Columns: image {bytes, path}, label (ClassLabel), sha256, dhash, mean_rgb, pixels_sha256, split, width, height.
The image bytes are BMP: lossless, opened by every reader, and cheap; Parquet's own compression makes them small.
Source: Hugging Face datasets documentation, "Image dataset" and "Arrow features".
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from flowerops.domain.dataset import SPLITS, ProcessedImage, Split
from flowerops.errors import StoreIntegrityError

DATA_DIR = "data"
ROWS_PER_SHARD = 2048
ROWS_PER_GROUP = 64
_FILE_SPLIT = {"train": "train", "val": "validation", "test": "test"}
_TEXT_COLUMNS = ("sha256", "dhash", "mean_rgb", "pixels_sha256", "split")
_SIZE_COLUMNS = ("width", "height")
_REMEDY = "Delete the version's folder and run preprocess again."


def encode_pixels(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A uint8 RGB array [height, width, 3] as BMP."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


def decode_pixels(data: bytes) -> npt.NDArray[np.uint8]:
    """The array that `encode_pixels` was given.

    Raises:
        StoreIntegrityError: The bytes are not such an image any more.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("BMP",)) as image:
            return np.asarray(image)
    except Exception as error:  # Pillow raises many kinds on damaged headers
        raise StoreIntegrityError(f"a stored image is damaged: {error}", _REMEDY) from error


def _schema(labels: Sequence[str]) -> pa.Schema:
    def value(kind: str) -> dict[str, str]:
        return {"dtype": kind, "_type": "Value"}

    features: dict[str, Any] = {"image": {"_type": "Image"}, "label": {"names": list(labels), "_type": "ClassLabel"}}
    features |= {name: value("string") for name in _TEXT_COLUMNS} | {name: value("int32") for name in _SIZE_COLUMNS}
    return pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),
            *((name, pa.string()) for name in _TEXT_COLUMNS),
            *((name, pa.int32()) for name in _SIZE_COLUMNS),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def shard_plan(rows: Sequence[ProcessedImage]) -> Iterator[tuple[str, list[ProcessedImage]]]:
    """File names and their rows: by split, then by SHA-256, so that the same rows give the same files."""
    for split in SPLITS:
        chosen = sorted((row for row in rows if row.split == split), key=lambda row: (row.sha256, row.label))
        starts = range(0, len(chosen), ROWS_PER_SHARD)
        for number, start in enumerate(starts):
            name = f"{_FILE_SPLIT[split]}-{number:05d}-of-{len(starts):05d}.parquet"
            yield name, chosen[start : start + ROWS_PER_SHARD]


def write_shard(
    path: Path, rows: Sequence[ProcessedImage], labels: Sequence[str], image_of: Callable[[str], bytes]
) -> None:
    """Write one shard; `image_of` gives the BMP bytes for a photo's SHA-256, asked for in the order of the rows."""
    number = {label: index for index, label in enumerate(labels)}
    schema = _schema(labels)
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=False) as writer:
        for start in range(0, len(rows), ROWS_PER_GROUP):
            part = rows[start : start + ROWS_PER_GROUP]
            columns: dict[str, list[Any]] = {
                "image": [{"bytes": image_of(row.sha256), "path": f"{row.sha256[:16]}.bmp"} for row in part],
                "label": [number[row.label] for row in part],
            }
            for name in (*_TEXT_COLUMNS, *_SIZE_COLUMNS):
                columns[name] = [getattr(row, name) for row in part]
            writer.write_table(pa.table(columns, schema=schema))


class ShardReader:
    """Reads the images of one split, in the order of `shard_plan`; rows are found by their index in that order.

    Readers go through a split in order, so few row groups (of 64 images) need to be kept.
    """

    def __init__(self, folder: Path, split: Split, cached_groups: int = 4) -> None:
        files = sorted((folder / DATA_DIR).glob(f"{_FILE_SPLIT[split]}-*.parquet"))
        self._files = [(path, _open(path)) for path in files]
        self._groups = [(path, file, group) for path, file in self._files for group in range(file.num_row_groups)]
        lengths = [file.metadata.row_group(group).num_rows for _, file, group in self._groups]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self._cache: dict[int, list[bytes]] = {}
        self._cached_groups = cached_groups

    def __len__(self) -> int:
        return int(self._starts[-1])

    def sha256s(self) -> list[str]:
        """The photos' SHA-256, by row."""
        found: list[str] = []
        for path, file in self._files:
            with _checked(path):
                found += file.read(columns=["sha256"])["sha256"].to_pylist()
        return found

    def image(self, index: int) -> bytes:
        """The BMP bytes of one row.

        Raises:
            StoreIntegrityError: The shard is damaged.
        """
        group = int(np.searchsorted(self._starts, index, side="right")) - 1
        if group not in self._cache:
            while len(self._cache) >= self._cached_groups:
                self._cache.pop(next(iter(self._cache)))
            path, file, number = self._groups[group]
            with _checked(path):
                column = file.read_row_group(number, columns=["image"])["image"].combine_chunks().field("bytes")
                self._cache[group] = column.to_pylist()
        return self._cache[group][index - int(self._starts[group])]

    def pixels(self, indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Images as uint8 RGB, shape [len(indices), size, size, 3].

        Raises:
            StoreIntegrityError: A shard or an image in it is damaged.
        """
        images = [decode_pixels(self.image(int(index))) for index in indices]
        if len({image.shape for image in images}) > 1:
            raise StoreIntegrityError("stored images differ in size", _REMEDY)
        return np.stack(images)


def _open(path: Path) -> pq.ParquetFile:
    with _checked(path):
        return pq.ParquetFile(path, memory_map=True)


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, KeyError) as error:
        raise StoreIntegrityError(f"{path} is damaged", _REMEDY) from error
