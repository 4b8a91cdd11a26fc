"""The facts and pixels of every photo: carried over, decoded on the way in, or decoded now."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowerops.datasets.history import EarlierShard
from flowerops.datasets.photo_job import Decode, PhotoJob
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.shards import ShardReader
from flowerops.datasets.squares import Squares, open_squares
from flowerops.domain.dataset import PhotoFacts, Quarantined, RawFile
from flowerops.domain.params import PreprocessParams
from flowerops.domain.progress import Progress
from flowerops.io.crew import spread
from flowerops.io.parallel import usable_cores

Usable = tuple[RawFile, PhotoFacts]


@dataclass(frozen=True)
class Collected:
    """usable: photos with their facts, in the order they were given. rejected: the others, with reasons.

    carried_over: SHA-256 of those whose pixels the earlier shards have. squares: where the other pixels are.
    """

    usable: list[Usable] = field(default_factory=list)
    rejected: list[Quarantined] = field(default_factory=list)
    carried_over: dict[str, PhotoFacts] = field(default_factory=dict)
    squares: list[Squares] = field(default_factory=list)


def collect(  # noqa: PLR0917 - the inputs of the step, each once
    raw: RawVersion,
    photos: Sequence[RawFile],
    earlier: Sequence[EarlierShard],
    squares: list[Squares],
    params: PreprocessParams,
    work: Path,
    progress: Progress,
) -> Collected:
    """Find out about every photo; decode those that nobody has decoded.

    Args:
        raw: Where the photos' bytes are.
        photos: One a content.
        earlier: Shards of earlier versions with squares of the same kind.
        squares: What was decoded while photos were taken in.
        params: The geometry, and on how many threads.
        work: Folder for the squares that are decoded here; made when needed.
        progress: Told of every photo that is decoded.
    """
    found = Collected(squares=squares)
    for shard in earlier:
        found.carried_over.update(shard.facts)
    left = [row for row in photos if not _is_known(row.sha256, found)]
    if left:
        found.squares.extend(_decode(raw, left, params, work, progress))
    for row in photos:
        facts = _facts(row.sha256, found)
        if facts is not None:
            found.usable.append((row, facts))
        else:
            reason = next(part.rejected[row.sha256] for part in found.squares if row.sha256 in part.rejected)
            found.rejected.append(Quarantined(path=row.path, reason=reason))
    return found


def _is_known(sha256: str, found: Collected) -> bool:
    return sha256 in found.carried_over or any(
        sha256 in part.facts or sha256 in part.rejected for part in found.squares
    )


def _facts(sha256: str, found: Collected) -> PhotoFacts | None:
    for known in (found.carried_over, *(part.facts for part in found.squares)):
        if sha256 in known:
            return known[sha256]
    return None


def _decode(
    raw: RawVersion, rows: Sequence[RawFile], params: PreprocessParams, folder: Path, progress: Progress
) -> list[Squares]:
    job = PhotoJob(raw.photos, decode=Decode(params.image_size, params.fit, folder))
    with progress.task("decoding", len(rows), "photo") as task:
        for _ in spread(job, rows, params.workers):
            task.advance()
    return open_squares(folder, params.image_size)


class PixelSource:
    """Stored squares by SHA-256, for several threads that each ask in order."""

    def __init__(self, squares: Sequence[Squares], shards: Sequence[Path], workers: int | None) -> None:
        """shards: of earlier versions, for the photos that no `squares` has."""
        self._squares = squares
        self._reader = ShardReader(shards, walks=workers or usable_cores())
        self._lock = threading.Lock()

    def read_into(self, sha256: str, buffer: memoryview) -> None:
        """Fill a buffer with a square as it is stored."""
        for part in self._squares:
            if sha256 in part.facts:
                part.read_into(sha256, buffer)
                return
        with self._lock:
            place = self._reader.find(sha256)
            if place is None:
                raise KeyError(sha256)
            buffer[:] = self._reader.image(place)
