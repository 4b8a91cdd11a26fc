"""Compare a Parquet shard with the manifest's rows: every column, and the pixels of every image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flowerops.datasets.pixels import decode_pixels
from flowerops.datasets.shard_reader import ShardReader
from flowerops.domain.dataset import ProcessedImage, ShardInfo
from flowerops.domain.verification import MISSING, Problem
from flowerops.errors import StoreIntegrityError, first_line
from flowerops.io.hashing import sha256_bytes, sha256_file

_COLUMNS = ("dhash", "height", "mean_rgb", "pixels_sha256", "sha256", "split", "width")


def shard_problems(
    path: Path, info: ShardInfo, rows: Mapping[str, ProcessedImage], labels: Sequence[str], version: str
) -> list[Problem]:
    """Everything in a shard that differs from the manifest.

    Args:
        path: The shard.
        info: What the manifest says of the file.
        rows: The version's rows by SHA-256.
        labels: The version's classes; the column `label` holds indices into them.
        version: The version's name for the problems.
    """
    if not path.is_file():
        return [Problem(path=str(path), expected=f"{info.images} images", got=MISSING, of=version)]
    problems: list[Problem] = []
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows != info.images:
                got = f"{file.metadata.num_rows} images"
                return [Problem(path=str(path), expected=f"{info.images} images", got=got, of=version)]
            for group in range(file.num_row_groups):
                problems += _group_problems(file, group, path, rows, labels, version)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        problems.append(Problem(path=str(path), expected="a Parquet file", got=first_line(error), of=version))
    if not problems and (got := sha256_file(path)) != info.sha256:
        problems.append(Problem(path=str(path), expected=info.sha256, got=got, of=version))
    return problems


def _group_problems(
    file: Any, group: int, path: Path, rows: Mapping[str, ProcessedImage], labels: Sequence[str], version: str
) -> Iterator[Problem]:
    try:
        table = file.read_row_group(group)
        facts = table.select([*_COLUMNS, "label"]).to_pylist()
        images = table["image"].combine_chunks().field("bytes")
    except (OSError, KeyError, pa.ArrowException, UnicodeDecodeError) as error:
        images = f"{file.metadata.row_group(group).num_rows} readable images"
        got = f"damaged: {first_line(error)}"
        yield Problem(path=str(path), expected=images, got=got, of=f"{version} row group {group}")
        return
    for found, image in zip(facts, images, strict=True):
        row = rows.get(found["sha256"])
        if row is None:
            yield Problem(path=str(path), expected="no such image", got=str(found["sha256"]), of=version)
            continue
        expected = {name: getattr(row, name) for name in _COLUMNS} | {"label": labels.index(row.label)}
        for name, value in expected.items():
            if found[name] != value:
                yield _problem(path, f"{name} {value}", f"{name} {found[name]}", version, row)
        got = _pixels_sha256(image.as_py())
        if got != row.pixels_sha256:
            yield _problem(path, row.pixels_sha256, got, version, row)


def keys_of(path: Path) -> list[str] | None:
    """SHA-256 of the photos in a shard; None when it cannot be read."""
    try:
        return ShardReader([path]).sha256s()
    except StoreIntegrityError:
        return None


def _pixels_sha256(image: bytes | None) -> str:
    if image is None:
        return MISSING
    try:
        return sha256_bytes(decode_pixels(image).data)
    except StoreIntegrityError as error:
        return error.message


def _problem(path: Path, expected: str, got: str, version: str, row: ProcessedImage) -> Problem:
    return Problem(path=str(path), expected=expected, got=got, of=f"{version} {row.path}")
