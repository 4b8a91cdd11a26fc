"""Write a version out as a folder that people and other tools can use."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import RawVersion
from flowerops.domain.dataset import SPLITS, ProcessedImage, RawFile
from flowerops.domain.progress import Progress, Task
from flowerops.errors import StoreIntegrityError
from flowerops.io.parallel import bounded_map

CSV_FILE = "labels.csv"
COLUMNS = ("path", "label", "split", "sha256", "width", "height")
_THREADS = 8
_BLOCK = 64
_FORBIDDEN = frozenset("\\\0:") if Path("a\\b").name == "b" else frozenset("\0")
"""Characters that would make a name more than a name: on Windows also the backslash and the drive's colon."""


@dataclass(frozen=True)
class Exported:
    """One exported file as a line of the CSV. split, width, height: empty texts where nothing knows them."""

    path: str
    label: str
    split: str
    sha256: str
    width: str
    height: str


class Names:
    """Gives every image a path of its own below the folder, whatever the manifest says."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, path: str, sha256: str) -> str:
        """The path, with a piece of the hash in its name when another file has it (in any case of letters).

        Raises:
            StoreIntegrityError: It would lead out of the folder, or another photo has the path and the hash.
        """
        safe = safe_path(path)
        if safe.casefold() in self._taken:
            whole = PurePosixPath(safe)
            safe = str(whole.with_name(f"{whole.stem}~{sha256[:8]}{whole.suffix}"))
        if safe.casefold() in self._taken:
            raise StoreIntegrityError(f"two photos have the path {path!r}", "The version was changed by hand.")
        self._taken.add(safe.casefold())
        return safe


def safe_path(path: str) -> str:
    """The path, when it is a plain one below a folder.

    Raises:
        StoreIntegrityError: It is absolute, empty, goes up, or has characters that this system reads as something else.
    """
    parts = path.split("/")
    if any(part in ("", ".", "..") or _FORBIDDEN & set(part) for part in parts):
        raise StoreIntegrityError(
            f"the manifest names the path {path!r}, which is not one inside a folder",
            "The version was changed by hand; nothing was exported.",
        )
    return path


def export_raw(
    version: RawVersion, known: Mapping[str, ProcessedImage], folder: Path, progress: Progress
) -> list[Exported]:
    """Write the photos as received into class folders.

    Args:
        version: The raw version.
        known: Rows of a processed version by SHA-256, for split and size.
        folder: Empty.
        progress: Told of every photo.

    Raises:
        StoreIntegrityError: A photo is missing or damaged, or its path is not a safe one.
    """
    names = Names()
    lines = [_raw_line(row, known.get(row.sha256), names) for row in version.rows]

    def write(pair: tuple[RawFile, Exported]) -> None:
        _write(folder / pair[1].path, version.read(pair[0]))

    with progress.task("exporting", len(lines), "photo") as task:
        _drain(bounded_map(write, zip(version.rows, lines, strict=True), _THREADS), task)
    return lines


def export_processed(version: ProcessedVersion, folder: Path, progress: Progress) -> list[Exported]:
    """Write the squares as PNG under `split/class/`.

    Raises:
        StoreIntegrityError: An image is missing or damaged, or its path is not a safe one.
    """
    names = Names()
    lines: list[Exported] = []

    def squares() -> Iterator[tuple[Path, npt.NDArray[np.uint8]]]:
        for split in SPLITS:
            images = version.split(split)
            for start in range(0, len(images), _BLOCK):
                rows = images.rows[start : start + _BLOCK]
                for row, pixels in zip(rows, images.pixels(range(start, start + len(rows))), strict=True):
                    lines.append(_processed_line(row, names))
                    yield folder / lines[-1].path, pixels

    with progress.task("exporting", len(version.rows), "image") as task:
        _drain(bounded_map(_write_png, squares(), _THREADS, batch=1), task)
    return sorted(lines, key=lambda line: line.path)


def csv_bytes(lines: Sequence[Exported]) -> bytes:
    """The CSV (UTF-8, RFC 4180 quoting) with a heading; `path` is relative to the CSV's folder."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    writer.writerows([getattr(line, name) for name in COLUMNS] for line in lines)
    return stream.getvalue().encode()


def _raw_line(row: RawFile, known: ProcessedImage | None, names: Names) -> Exported:
    inside = row.path if row.path.startswith(f"{row.label}/") else f"{row.label}/{row.path}"
    path = names.give(inside, row.sha256)
    if known is None:
        return Exported(path, row.label, "", row.sha256, "", "")
    return Exported(path, row.label, known.split, row.sha256, str(known.width), str(known.height))


def _processed_line(row: ProcessedImage, names: Names) -> Exported:
    inside = PurePosixPath(row.path)
    below = inside.relative_to(row.label) if inside.parts[0] == row.label and len(inside.parts) > 1 else inside
    safe_path(row.path)
    path = names.give(f"{row.split}/{row.label}/{below.with_suffix('.png')}", row.sha256)
    return Exported(path, row.label, row.split, row.sha256, str(row.width), str(row.height))


def _write_png(square: tuple[Path, npt.NDArray[np.uint8]]) -> None:
    path, pixels = square
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    _write(path, stream.getvalue())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        stream.write(data)


def _drain(results: Iterable[None], task: Task) -> None:
    for _ in results:
        task.advance()
