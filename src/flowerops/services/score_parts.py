"""The parts of a table of predictions: finished pieces beside the table, which a rerun takes over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowerops.datasets.predictions import PredictionTable
from flowerops.datasets.scan import FoundFile
from flowerops.domain.documents import Document
from flowerops.domain.progress import Progress
from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import atomic_write, remove_leftovers
from flowerops.io.discard import discard
from flowerops.io.hashing import sha256_file
from flowerops.io.locks import exclusive
from flowerops.io.parallel import bounded_map

PART_FILES = 250
"""Files in a part: ten seconds of two quiet cores, and no more than that is done again after a kill."""
_JOB_FILE = "job.json"


class ScoringJob(Document):
    """`job.json` beside the parts: what they are parts of. folder: of the photos, absolute."""

    folder: str
    model_digest: str
    part_files: int


def job_on(folder: Path, model_digest: str) -> ScoringJob:
    """The job of a model on a folder of photos."""
    return ScoringJob(folder=str(folder.resolve()), model_digest=model_digest, part_files=PART_FILES)


def parts_folder(out: Path) -> Path:
    """Where the parts of a table lie."""
    return out.with_name(f".{out.name}.parts")


@contextlib.contextmanager
def working_on(out: Path, wanted: ScoringJob, progress: Progress, *, fresh: bool) -> Iterator[Path]:
    """The folder of the parts, for this command alone; it goes when the block ends well.

    Args:
        out: The table.
        wanted: What the parts must be parts of; others are thrown away.
        progress: Told of that.
        fresh: Throw them away in any case.

    Raises:
        ConflictError: Another command writes the same table.
    """
    folder = parts_folder(out)
    lock = folder.with_name(f"{folder.name}.lock")
    with exclusive(lock, f"the file {out}", timeout_s=0.0):
        found = _read_job(folder)
        if found is not None and (fresh or found != wanted):
            progress.message(f"parts of another run for {out} are thrown away")
        if found != wanted or fresh:
            discard(folder)
        remove_leftovers(folder)
        atomic_write(folder / _JOB_FILE, wanted.to_json())
        yield folder
        discard(folder)
        for file in folder.parent.glob(f"{lock.name}*"):  # while it is held: whoever comes then makes a new one
            file.unlink(missing_ok=True)


def _read_job(folder: Path) -> ScoringJob | None:
    try:
        return ScoringJob.from_json((folder / _JOB_FILE).read_bytes(), _JOB_FILE)
    except (OSError, StoreIntegrityError):
        return None


class Parts:
    """The files in pieces of `PART_FILES`, and the file of each piece's predictions."""

    def __init__(self, folder: Path, files: Sequence[FoundFile], table: PredictionTable) -> None:
        self._folder = folder
        self._files = files
        self._table = table
        self._count = -(-len(files) // PART_FILES)

    def files(self, number: int) -> Sequence[FoundFile]:
        """The files of a part."""
        return self._files[number * PART_FILES : (number + 1) * PART_FILES]

    def path(self, number: int) -> Path:
        """Where a part lies."""
        return self._folder / f"part-{number:06d}.parquet"

    def paths(self) -> list[Path]:
        """All parts, in order."""
        return [self.path(number) for number in range(self._count)]

    def unfinished(self, progress: Progress) -> list[int]:
        """Parts that are not there, or not of these bytes any more."""
        there = [number for number in range(self._count) if self.path(number).exists()]
        if not there:
            return list(range(self._count))
        total = sum(len(self.files(number)) for number in there)
        with progress.task("comparing what was scored before", total, "photo") as task:
            kept = set()
            for number in there:
                if self._is_current(number):
                    kept.add(number)
                task.advance(len(self.files(number)))
        return [number for number in range(self._count) if number not in kept]

    def _is_current(self, number: int) -> bool:
        rows, files = self._table.read_part(self.path(number)), self.files(number)
        if rows is None or [path for path, _ in rows] != [found.path for found in files]:
            return False
        return [sha256 for _, sha256 in rows] == list(hashes_of(files))


def hashes_of(files: Sequence[FoundFile]) -> Iterator[str | None]:
    """The SHA-256 of each file, in their order; None for one that cannot be read."""
    return bounded_map(_hash, files)


def _hash(found: FoundFile) -> str | None:
    try:
        return sha256_file(found.location)
    except OSError:
        return None
