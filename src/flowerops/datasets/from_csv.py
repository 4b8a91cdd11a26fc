"""Photos that a CSV lists: path, label."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.sources import Layout, class_name
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError

_LARGEST_CSV = 1 << 30
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Listed:
    """A line: the photo's path as written, where it lies, its label."""

    path: str
    location: Path
    label: str


def lay_out_csv(source: Path, folder: Path, progress: Progress) -> None:
    """Copy the photos of a CSV into class folders.

    Args:
        source: With a heading that has the columns `path` and `label`; others are not used. Paths are relative to the
            CSV's folder and stay inside it.
        folder: Where to; empty.
        progress: Told of every photo.

    Raises:
        BadInputError: A column is missing, or a line names a photo that is not there or lies elsewhere, or no label.
    """
    lines = list(_listed(source))
    if not lines:
        raise BadInputError(f"{source} lists no photo", "It needs a line a photo below the heading: path,label")
    layout = Layout(folder)
    with progress.task("copying", len(lines), "photo") as task:
        for line in lines:
            try:
                shutil.copyfile(line.location, layout.place(line.label, line.path))
            except PermissionError as error:
                raise BadInputError(f"cannot read {line.location}", "Mend its permissions.") from error
            task.advance()


def _listed(source: Path) -> Iterator[Listed]:
    root = source.parent.resolve()
    reader = csv.DictReader(io.StringIO(_text(source), newline=""), delimiter=_delimiter(source))
    columns = {name.strip().lower(): name for name in reader.fieldnames or [] if name}
    missing = [name for name in ("path", "label") if name not in columns]
    if missing:
        raise BadInputError(
            f"{source} has no column {missing[0]!r}; it has {', '.join(columns) or 'no heading'}",
            "Its first line must be: path,label",
        )
    try:
        for row in reader:
            where = f"{source}, line {reader.line_num}"
            path = (row[columns["path"]] or "").strip()
            yield Listed(path, _location(root, path, where), class_name(row[columns["label"]] or "", where))
    except csv.Error as error:
        raise BadInputError(f"{source}, line {reader.line_num}: {error}", "Mend the CSV.") from error


def _location(root: Path, path: str, where: str) -> Path:
    hint = "Paths are relative to the CSV's folder, and stay in it."
    if not path or "\0" in path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise BadInputError(f"{where}: {path!r} is not a path below the CSV's folder", hint)
    location = root / path
    try:
        real = location.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise BadInputError(f"{where}: there is no file {path!r}", hint) from error
    if not real.is_relative_to(root) or not real.is_file():
        raise BadInputError(f"{where}: {path!r} is a link out of the CSV's folder, or not a file", hint)
    return location


def _text(source: Path) -> str:
    try:
        if source.stat().st_size > _LARGEST_CSV:
            raise BadInputError(f"{source} is larger than {_LARGEST_CSV:,} bytes", "Divide it.")
        return source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{source} is not UTF-8: {error}", "Save it as UTF-8.") from error


def _delimiter(source: Path) -> str:
    """The sign that the heading has most of."""
    with source.open(encoding="utf-8-sig") as stream:
        heading = stream.readline()
    return max(_DELIMITERS, key=heading.count)
