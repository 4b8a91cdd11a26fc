"""Photos in Parquet files of the Hugging Face image layout: image {bytes, path}, label (ClassLabel, or text)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flowerops.datasets.sources import Layout, class_name, parquet_files
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, first_line
from flowerops.images import image_format
from flowerops.io.budget import Budget

_ROWS_AT_ONCE = 32
_IMAGE_COLUMNS = ("image", "img")
_LABEL_COLUMNS = ("label", "labels")


def lay_out_parquet(source: Path, folder: Path, progress: Progress) -> None:
    """Write the photos of all Parquet files of a source into class folders.

    Args:
        source: A file, or a folder of files (train-*.parquet, test-*.parquet …): all of them are taken.
        folder: Where to; empty.
        progress: Told of every photo.

    Raises:
        BadInputError: A file is damaged or of another layout, or a row has no image bytes or no label.
    """
    layout = Layout(folder)
    for path in parquet_files(source):
        try:
            with pq.ParquetFile(path) as file:
                _lay_out_file(path, file, layout, progress)
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's, not the file's
            message = f"{path} is damaged or no Parquet file: {first_line(error)}"
            raise BadInputError(message, "Get the file again.") from error


def _lay_out_file(path: Path, file: pq.ParquetFile, layout: Layout, progress: Progress) -> None:
    image = _column(path, file.schema_arrow, _IMAGE_COLUMNS)
    label = _column(path, file.schema_arrow, _LABEL_COLUMNS)
    name_of = _labels(file.schema_arrow, label)
    budget = Budget.for_file(path)
    row = 0
    with progress.task("unpacking", file.metadata.num_rows, "photo") as task:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[image, label]):
            images, labels = batch.column(image), batch.column(label)
            for cell, value in zip(images, labels.to_pylist(), strict=True):
                row += 1
                where = f"{path}, row {row}"
                data, name = _photo(cell.as_py(), where)
                budget.count_file(path)
                budget.count_bytes(len(data), path)
                wanted = name or f"{row:06d}.{(image_format(data) or 'bin').lower()}"
                layout.place(class_name(name_of(value, where), where), wanted).write_bytes(data)
                task.advance()


def _column(path: Path, schema: pa.Schema, names: tuple[str, ...]) -> str:
    for name in names:
        if name in schema.names:
            return name
    raise BadInputError(
        f"{path} has no column {names[0]!r}; it has {', '.join(schema.names)}",
        "The Hugging Face image layout has the columns image and label.",
    )


def _photo(cell: Any, where: str) -> tuple[bytes, str | None]:
    """The bytes, and the last part of the name that comes with them."""
    data, name = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    if not isinstance(data, bytes) or not data:
        raise BadInputError(
            f"{where}: there are no image bytes in it",
            "Embed the images, e.g. with datasets' embed_table_storage, or export them as folders.",
        )
    return data, name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) and name else None


def _labels(schema: pa.Schema, column: str) -> Callable[[Any, str], str]:
    """How a cell becomes a class's name: by the ClassLabel names in the file's metadata, else as it is."""
    names = _class_label_names(schema, column)

    def name_of(value: Any, where: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadInputError(f"{where}: {value!r} is not a label", "Labels are texts or numbers.")
        if names is None:
            return str(value)
        if not 0 <= value < len(names):
            raise BadInputError(f"{where}: label {value} has no name; there are {len(names)}", "Mend the labels.")
        return names[value]

    return name_of


def _class_label_names(schema: pa.Schema, column: str) -> list[str] | None:
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None
