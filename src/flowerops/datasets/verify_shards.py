"""Compare a Parquet shard with the manifest's rows: every column, and the pixels of every image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flowerops.datasets.shards import decode_pixels
from flowerops.domain.dataset import ProcessedImage
from flowerops.domain.verification import MISSING, Problem
from flowerops.errors import StoreIntegrityError
from flowerops.io.hashing import sha256_bytes

_COLUMNS = ("dhash", "height", "mean_rgb", "pixels_sha256", "sha256", "split", "width")


def shard_problems(path: Path, rows: Sequence[ProcessedImage], labels: Sequence[str], version: str) -> list[Problem]:
    """Everything in a shard that differs from its rows.

    Args:
        path: The shard.
        rows: What it must hold, in order.
        labels: The version's classes; the column `label` holds indices into them.
        version: The version's name for the problems.
    """
    if not path.is_file():
        return [Problem(path=str(path), expected=f"{len(rows)} images", got=MISSING, of=version)]
    problems: list[Problem] = []
    try:
        with pq.ParquetFile(path) as file:
            if file.metadata.num_rows != len(rows):
                got = f"{file.metadata.num_rows} images"
                return [Problem(path=str(path), expected=f"{len(rows)} images", got=got, of=version)]
            start = 0
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                problems += _group_problems(file, group, path, rows[start:end], labels, version)
                start = end
    except (OSError, pa.ArrowException) as error:
        problems.append(Problem(path=str(path), expected="a Parquet file", got=_first_line(error), of=version))
    return problems


def _group_problems(
    file: Any, group: int, path: Path, rows: Sequence[ProcessedImage], labels: Sequence[str], version: str
) -> Iterator[Problem]:
    try:
        table = file.read_row_group(group)
        facts = table.select([*_COLUMNS, "label"]).to_pylist()
        images = table["image"].combine_chunks().field("bytes")
    except (OSError, KeyError, pa.ArrowException) as error:
        span = f"{rows[0].path} … {rows[-1].path}" if rows else ""
        got = f"damaged: {_first_line(error)}"
        yield Problem(path=str(path), expected=f"{len(rows)} readable images", got=got, of=f"{version} {span}".rstrip())
        return
    for index, row in enumerate(rows):
        expected = {name: getattr(row, name) for name in _COLUMNS} | {"label": labels.index(row.label)}
        for name, value in expected.items():
            if facts[index][name] != value:
                yield _problem(path, f"{name} {value}", f"{name} {facts[index][name]}", version, row)
        got = _pixels_sha256(images[index].as_py())
        if got != row.pixels_sha256:
            yield _problem(path, row.pixels_sha256, got, version, row)


def _pixels_sha256(image: bytes | None) -> str:
    if image is None:
        return MISSING
    try:
        return sha256_bytes(decode_pixels(image).tobytes())
    except StoreIntegrityError as error:
        return error.message


def _problem(path: Path, expected: str, got: str, version: str, row: ProcessedImage) -> Problem:
    return Problem(path=str(path), expected=expected, got=got, of=f"{version} {row.path}")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
