"""Checkpoints of the local target: each training has a folder, so that the same command goes on after it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowerops.domain.documents import digest_of
from flowerops.ml.checkpoint_place import CheckpointPlace, checkpoints_in
from flowerops.ml.runtime import versions
from flowerops.targets.local.home import Home
from flowerops.targets.protocol import StepRequest

_FOLDER = "checkpoints"


def checkpoint_folder(home: Home, request: StepRequest) -> Path:
    """The folder of every training on this data, with these parameters and this software."""
    data = request.context.processed.digest if request.context.processed else "unknown"
    training = digest_of([data, request.params.model_dump(exclude={"threads", "cache"}), versions()])
    return home.cache / _FOLDER / f"{data[:16]}-{training[:16]}"


def remove_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of a training whose output is safe."""
    CheckpointPlace(folder, None, "").remove()


def unused_checkpoints(home: Home) -> Iterator[tuple[Path, str]]:
    """Folders that no command can go on from, and why; ask only while nothing trains.

    The others stay: they are of trainings that were interrupted.
    """
    living = {path.name for path in home.datasets.glob("*/*")}
    for folder in sorted(path for path in (home.cache / _FOLDER).glob("*-*") if path.is_dir()):
        if folder.name.partition("-")[0] not in living:
            yield folder, "checkpoints of a training on a version that is gone"
        elif not checkpoints_in(folder):
            yield folder, "was to hold checkpoints"
