"""The facts and pixels of every photo: carried over, decoded on the way in, or decoded now."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.history import EarlierShard
from flowerops.datasets.photo_job import Decode, PhotoJob
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.shard_reader import ShardReader
from flowerops.datasets.squares import Squares
from flowerops.domain.dataset import PhotoFacts, Quarantined, RawFile
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.io.crew import spread
from flowerops.io.parallel import usable_cores

Usable = tuple[RawFile, PhotoFacts]


@dataclass(frozen=True)
class Collected:
    """usable: photos with their facts, in the order they were given. rejected: the others, with reasons.

    carried_over: facts by SHA-256 of the photos whose pixels the earlier shards have.
    """

    usable: list[Usable]
    rejected: list[Quarantined]
    carried_over: dict[str, PhotoFacts]


def collect(  # noqa: PLR0917 - the inputs of the step, each once
    raw: RawVersion,
    photos: Sequence[RawFile],
    earlier: Sequence[EarlierShard],
    squares: Squares,
    params: PreprocessParams,
    work: Path,
    progress: Progress,
) -> Collected:
    """Find out about every photo; decode those that nobody has decoded.

    Args:
        raw: Where the photos' bytes are.
        photos: One a content.
        earlier: Shards of earlier versions with squares of the same kind.
        squares: What was decoded while photos were taken in; what is decoded here is added.
        params: The geometry, and on how many threads.
        work: Folder for the squares that are decoded here; made when needed.
        progress: Told of every photo that is decoded.
    """
    carried_over = {sha256: facts for shard in earlier for sha256, facts in shard.facts.items()}
    known = (carried_over, squares.facts, squares.rejected)
    left = [row for row in photos if not any(row.sha256 in part for part in known)]
    if left:
        _decode(raw, left, params, work, progress)
        squares.include(work)
    found = Collected([], [], carried_over)
    for row in photos:
        facts = carried_over.get(row.sha256) or squares.facts.get(row.sha256)
        if facts is not None:
            found.usable.append((row, facts))
        else:
            found.rejected.append(Quarantined(path=row.path, reason=squares.rejected[row.sha256]))
    return found


def _decode(
    raw: RawVersion, rows: Sequence[RawFile], params: PreprocessParams, folder: Path, progress: Progress
) -> None:
    job = PhotoJob(raw.photos, decode=Decode(params.image_size, params.fit, folder))
    with progress.task("decoding", len(rows), "photo") as task:
        for _ in spread(job, rows, params.workers):
            task.advance()


class PixelSource:
    """Stored squares by SHA-256, for several threads that each ask in order."""

    def __init__(self, squares: Squares, shards: Sequence[Path], workers: int | None) -> None:
        """shards: of earlier versions, for the photos that `squares` lacks."""
        self._squares = squares
        self._reader = ShardReader(shards, walks=workers or usable_cores())
        self._lock = threading.Lock()

    def read_into(self, sha256: str, buffer: memoryview) -> None:
        """Fill a buffer with a square as it is stored.

        Raises:
            KeyError: Nobody has it.
            StoreIntegrityError: The shard that has it is damaged.
        """
        if sha256 in self._squares.facts:
            self._squares.read_into(sha256, buffer)
            return
        with self._lock:
            place = self._reader.find(sha256)
            if place is None:
                raise KeyError(sha256)
            buffer[:] = self._reader.image(place)
