"""See photos as a model sees them: those of a version that it never learned from, and those of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import numpy as np

from flowerops.datasets.objects import read_photo
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.scan import FoundFile
from flowerops.datasets.selected_squares import squares
from flowerops.domain.dataset import SPLITS, ProcessedImage, Quarantined, Split
from flowerops.domain.drift import FEWEST
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.images import ImageRejectedError
from flowerops.io.hashing import sha256_bytes
from flowerops.io.parallel import bounded_map
from flowerops.serving.interpreters import Probabilities
from flowerops.serving.penultimate import FeatureModel, Features, Seen

Thing = TypeVar("Thing")
_HELD_OUT: tuple[Split, ...] = ("val", "test")


@dataclass(frozen=True)
class Looked:
    """Photos that the model has seen: names, hashes, features [n, d] and probabilities [n, classes]."""

    paths: list[str]
    hashes: list[str]
    features: Features
    probabilities: Probabilities

    @classmethod
    def of(cls, photos: Sequence[tuple[str, str, Seen]]) -> Self:
        """At least one photo's name, hash, and what the model saw in it."""
        paths, hashes, seen = zip(*photos, strict=True)
        features, probabilities = (np.stack([one[part] for one in seen]) for part in (0, 1))
        return cls(list(paths), list(hashes), features, probabilities)

    @property
    def predicted(self) -> list[int]:
        """The index of the most probable label."""
        return [int(index) for index in self.probabilities.argmax(1)]


def drawn_rows(
    version: ProcessedVersion, most: int, rng: np.random.Generator
) -> tuple[list[ProcessedImage], list[Split]]:
    """Photos that the model never learned from, or of all splits where there are too few of them.

    Args:
        version: Where they are.
        most: How many at most.
        rng: Draws them.

    Returns:
        The photos, and the splits that they were drawn from.

    Raises:
        BadInputError: There are too few.
    """
    held_out = [row for row in version.rows if row.split in _HELD_OUT]
    splits = _HELD_OUT if len(held_out) >= FEWEST else SPLITS
    rows = held_out if splits is _HELD_OUT else list(version.rows)
    if len(rows) < FEWEST:
        raise too_few(version.folder, len(rows))
    return drawn(sorted(rows, key=lambda row: (row.split, row.sha256)), most, rng), list(splits)


def drawn(things: Sequence[Thing], most: int, rng: np.random.Generator) -> list[Thing]:
    """At most so many, in their order."""
    if len(things) <= most:
        return list(things)
    return [things[index] for index in sorted(rng.choice(len(things), most, replace=False).tolist())]


def look_at_reference(
    version: ProcessedVersion, rows: Sequence[ProcessedImage], network: FeatureModel, progress: Progress
) -> Looked:
    """See these photos of a version, in the order in which they are stored."""
    images = squares(version, {row.sha256 for row in rows})
    seen = []
    with progress.task("reference", len(rows), "photo") as task:
        for row, answer in bounded_map(lambda pair: (pair[0], network.look(pair[1])), images, batch=4):
            seen.append((row.path, row.sha256, answer))
            task.advance()
    return Looked.of(seen)


def look_at_folder(
    files: Sequence[FoundFile], network: FeatureModel, progress: Progress
) -> tuple[Looked, list[Quarantined]]:
    """See the files of a folder, at least one; those that are no usable photo come back with the reason.

    Raises:
        BadInputError: None is.
    """

    def look(found: FoundFile) -> tuple[str, str, Seen] | Quarantined:
        try:
            data = read_photo(found.location)
            return found.path, sha256_bytes(data), network.look(network.prepare(data))
        except BadInputError as error:
            return Quarantined(path=found.path, reason=error.message)
        except ImageRejectedError as error:
            return Quarantined(path=found.path, reason=error.reason)

    seen, rejected = [], []
    with progress.task("new photos", len(files), "photo") as task:
        for answer in bounded_map(look, files, batch=4):
            if isinstance(answer, Quarantined):
                rejected.append(answer)
            else:
                seen.append(answer)
            task.advance()
    if not seen:
        raise too_few(files[0].root, 0)
    return Looked.of(seen), rejected


def too_few(where: Path | str, count: int) -> BadInputError:
    """Why a folder or a version cannot be compared."""
    return BadInputError(
        f"{where} has {count} photos that can be compared; drift needs {FEWEST}", "Gather more, then ask again."
    )
