"""Write Parquet shards in the Hugging Face image layout: `data/<split>-00000-of-00003.parquet`.

Columns: image {bytes, path}, label (ClassLabel), sha256, dhash, mean_rgb, pixels_sha256, split, width, height.
The image bytes are PPM (see `pixels`); Parquet's own compression makes them small. Rows are sorted by sha256.
Source: Hugging Face datasets documentation, "Image dataset" and "Arrow features".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flowerops.datasets.pixels import SUFFIX, stored_size
from flowerops.domain.dataset import ProcessedImage, Split

DATA_DIR = "data"
ROWS_PER_SHARD = 512
_ROWS_PER_GROUP = 64
_BYTES_PER_GROUP = 16 << 20
"""A row group is held in memory whole by those who write and read it: fewer rows where the squares are large."""
FILE_SPLIT: dict[Split, str] = {"train": "train", "val": "validation", "test": "test"}
TEXT_COLUMNS = ("sha256", "dhash", "mean_rgb", "pixels_sha256", "split")
SIZE_COLUMNS = ("width", "height")
ReadInto = Callable[[str, memoryview], None]


def shard_name(split: Split, number: int, count: int) -> str:
    """The name of a split's shard, as Hugging Face counts them."""
    return f"{FILE_SPLIT[split]}-{number:05d}-of-{count:05d}.parquet"


def _schema(labels: Sequence[str]) -> pa.Schema:
    def value(kind: str) -> dict[str, str]:
        return {"dtype": kind, "_type": "Value"}

    features: dict[str, Any] = {"image": {"_type": "Image"}, "label": {"names": list(labels), "_type": "ClassLabel"}}
    features |= {name: value("string") for name in TEXT_COLUMNS} | {name: value("int32") for name in SIZE_COLUMNS}
    return pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),
            *((name, pa.string()) for name in TEXT_COLUMNS),
            *((name, pa.int32()) for name in SIZE_COLUMNS),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def write_shard(
    path: Path, rows: Sequence[ProcessedImage], labels: Sequence[str], side: int, read_into: ReadInto
) -> None:
    """Write one shard.

    Args:
        path: The file.
        rows: What it holds, sorted by SHA-256.
        labels: The version's classes, sorted.
        side: Of the squares, in pixels.
        read_into: Fills a buffer with the stored square of a photo's SHA-256; asked for in the order of the rows.
    """
    number = {label: index for index, label in enumerate(labels)}
    schema, size = _schema(labels), stored_size(side)
    step = max(1, min(_ROWS_PER_GROUP, _BYTES_PER_GROUP // size))
    buffer = memoryview(bytearray(step * size))
    with pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=False, write_statistics=False) as writer:
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            for index, row in enumerate(part):
                read_into(row.sha256, buffer[index * size : (index + 1) * size])
            names = pa.array([row.sha256[:16] + SUFFIX for row in part], pa.string())
            columns: dict[str, Any] = {
                "image": pa.StructArray.from_arrays([_equally_long(buffer, size, len(part)), names], ["bytes", "path"]),
                "label": [number[row.label] for row in part],
            }
            for name in (*TEXT_COLUMNS, *SIZE_COLUMNS):
                columns[name] = [getattr(row, name) for row in part]
            writer.write_table(pa.table(columns, schema=schema))


def _equally_long(buffer: memoryview, size: int, count: int) -> pa.Array:
    """The buffer's first pieces of a size as an Arrow array of bytes, without copying them."""
    offsets = np.arange(count + 1, dtype=np.int32) * size
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(buffer)])


def split_files(folder: Path, split: Split) -> list[Path]:
    """The shards of one split of a version's folder."""
    return sorted((folder / DATA_DIR).glob(f"{FILE_SPLIT[split]}-*.parquet"))
