"""Squares between decoding and the shards: a folder for each process that decodes, read by the preprocess step.

The split of a photo is known only after the last one, because near-duplicates stay together; so squares wait here.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flowerops.datasets.pixels import header, stored_size
from flowerops.datasets.rows import parse_rows, row_line
from flowerops.domain.dataset import PhotoFacts, Quarantined
from flowerops.errors import StoreIntegrityError
from flowerops.images import PreparedImage
from flowerops.io.atomic import atomic_write, explain_os_error
from flowerops.io.hashing import sha256_bytes

_PIXELS, _FACTS, _REJECTED = "pixels.bin", "facts.jsonl", "rejected.jsonl"


def facts_of(sha256: str, prepared: PreparedImage) -> PhotoFacts:
    """What is recorded of a decoded photo."""
    print_ = prepared.fingerprint()
    red, green, blue = print_.mean_rgb
    return PhotoFacts(
        dhash=f"{print_.dhash:032x}",
        height=prepared.height,
        mean_rgb=f"{red:02x}{green:02x}{blue:02x}",
        pixels_sha256=sha256_bytes(prepared.pixels.data),
        sha256=sha256,
        width=prepared.width,
    )


class SquaresWriter:
    """Appends squares and facts to a folder; safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._pixels, self._facts, self._rejected = (
                (folder / name).open("wb") for name in (_PIXELS, _FACTS, _REJECTED)
            )
        except OSError as error:
            raise explain_os_error(error, folder) from error

    def add(self, facts: PhotoFacts, pixels: npt.NDArray[np.uint8]) -> None:
        """Keep a square, uint8 RGB [size, size, 3]; the n-th line of facts belongs to the n-th square.

        Raises:
            DiskFullError: No room is left.
        """
        line, head = row_line(facts), header(*pixels.shape[:2])
        with self._lock, self._explained():
            self._pixels.write(head)
            self._pixels.write(pixels.data)
            self._facts.write(line)

    def reject(self, sha256: str, reason: str) -> None:
        """Remember that a content is no usable image."""
        line = Quarantined(path=sha256, reason=reason).model_dump_json().encode() + b"\n"
        with self._lock, self._explained():
            self._rejected.write(line)

    def flush(self) -> None:
        """Hand everything over to the system, for readers in other processes."""
        with self._lock, self._explained():
            for stream in (self._pixels, self._facts, self._rejected):
                stream.flush()

    def close(self) -> None:
        """Finish the files."""
        with self._explained():
            for stream in (self._pixels, self._facts, self._rejected):
                stream.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise explain_os_error(error, self._folder) from error


def publish_squares(source: Path, target: Path) -> None:
    """Copy what one writer wrote and closed to a place that many machines share.

    Such a place may not be able to rename a folder; the facts come last, so that a reader sees all or nothing.
    """
    target.mkdir(parents=True)
    for name in (_PIXELS, _REJECTED):
        shutil.copyfile(source / name, target / name)
    atomic_write(target / _FACTS, (source / _FACTS).read_bytes())


def rejected_in(folder: Path) -> dict[str, str]:
    """SHA-256 of the contents that are no usable image, with the reasons, from all processes."""
    return {sha256: why for path in folder.glob(f"*/{_REJECTED}") for sha256, why in _read_rejected(path).items()}


def _read_rejected(path: Path) -> dict[str, str]:
    with path.open("rb") as lines:
        entries = [Quarantined.from_json(line, str(path)) for line in lines]
    return {entry.path: entry.reason for entry in entries}


class Squares:
    """What `SquaresWriter`s wrote: facts and the reasons for what was rejected by SHA-256, pixels on demand.

    The first square of a photo counts. No file is kept open: several machines may have written thousands.
    """

    def __init__(self, image_size: int) -> None:
        """image_size: side of the squares in pixels."""
        self.facts: dict[str, PhotoFacts] = {}
        self.rejected: dict[str, str] = {}
        self._places: dict[str, tuple[Path, int]] = {}
        self._size = stored_size(image_size)

    def include(self, folder: Path) -> None:
        """Take in what all processes wrote into sub-folders of a folder; nothing when it is not there.

        A sub-folder without facts is what a process left that was killed while it published: see `publish_squares`.

        Raises:
            StoreIntegrityError: Facts and squares of a sub-folder do not go together.
        """
        for path in sorted(folder.glob(f"*/{_FACTS}")):
            self._include_part(path.parent)

    def _include_part(self, folder: Path) -> None:
        with (folder / _FACTS).open("rb") as lines:
            rows = list(parse_rows(lines, PhotoFacts, str(folder / _FACTS)))
        pixels = folder / _PIXELS
        if pixels.stat().st_size != self._size * len(rows):
            message = f"{pixels} does not hold the squares that {_FACTS} names"
            raise StoreIntegrityError(message, "Run preprocess again.")
        for number, row in enumerate(rows):
            if row.sha256 not in self.facts:
                self.facts[row.sha256] = row
                self._places[row.sha256] = pixels, number * self._size
        self.rejected = _read_rejected(folder / _REJECTED) | self.rejected

    def read_into(self, sha256: str, buffer: memoryview) -> None:
        """Read a square as it is stored; the buffer has its size. Safe for several threads."""
        path, start = self._places[sha256]
        with path.open("rb", buffering=0) as stream:
            stream.seek(start)
            stream.readinto(buffer)
