"""Checkpoints of the local target: each training has a folder, so that the same command goes on after it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowerops.domain.documents import digest_of
from flowerops.domain.params import TrainParams
from flowerops.errors import BadInputError
from flowerops.ml.checkpoint_facts import Facts, read_facts
from flowerops.ml.checkpoint_place import TUNING_FILE, CheckpointPlace, checkpoints_in
from flowerops.ml.fingerprint import decisive, differing, software
from flowerops.ml.runtime import versions
from flowerops.targets.local.home import Home
from flowerops.targets.protocol import StepRequest

_FOLDER = "checkpoints"


def claim_checkpoints(home: Home, request: StepRequest) -> Path:
    """The folder of every training on this data, with these parameters and this software.

    With `fresh`, those of all interrupted trainings on the data are deleted. Trainings that go on are left alone, and
    leave others alone.

    Raises:
        BadInputError: A training on this data was interrupted that had other parameters or software.
    """
    folder = _checkpoint_folder(home, request)
    if request.checkpoints == "fresh":
        for path in (folder, *_others(folder)):
            remove_checkpoints(path)
    elif not checkpoints_in(folder):
        _refuse(folder, request)
    return folder


def remove_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of a training whose output is safe, or is not wanted."""
    if folder.is_dir():
        CheckpointPlace(folder, None, "").remove()


def unused_checkpoints(home: Home) -> Iterator[tuple[Path, str]]:
    """Folders that no command can go on from, and why; ask only while nothing trains.

    The others stay: they are of trainings that were interrupted.
    """
    living = {path.name for path in home.datasets.glob("*/*")}
    for folder in sorted(path for path in (home.cache / _FOLDER).glob("*-*") if path.is_dir()):
        if folder.name.partition("-")[0] not in living:
            yield folder, "checkpoints of a training on a version that is gone"
        elif not checkpoints_in(folder) and not (folder / TUNING_FILE).exists():
            yield folder, "was to hold checkpoints"
        elif (facts := read_facts(folder)) and (found := differing(_software_of(facts), software())):
            yield folder, f"checkpoints of a training whose {found[0]}"


def _checkpoint_folder(home: Home, request: StepRequest) -> Path:
    data = request.context.processed.digest if request.context.processed else "unknown"
    assert isinstance(request.params, TrainParams)
    training = digest_of([data, decisive(request.params), request.params.weights, versions()])
    return home.cache / _FOLDER / f"{data[:16]}-{training[:16]}"


def _others(folder: Path) -> list[Path]:
    """The folders of other trainings on the same data."""
    data = folder.name.partition("-")[0]
    return [path for path in sorted(folder.parent.glob(f"{data}-*")) if path != folder]


def _refuse(folder: Path, request: StepRequest) -> None:
    assert isinstance(request.params, TrainParams)
    ours = {"params": decisive(request.params), **software()}
    for other in _others(folder):
        if CheckpointPlace(other, None, "").is_held() or (facts := read_facts(other)) is None:
            continue
        theirs = {name: facts.fingerprint.get(name) for name in ours}
        if found := differing(theirs, ours):
            raise BadInputError(
                f"run {facts.run or '(without a name)'} on this data was interrupted after epoch {facts.epoch}; "
                f"its {', its '.join(found)}",
                "To go on with it, train as it did; to forget it and begin anew, add --fresh.",
                {"run": facts.run, "epoch": facts.epoch, "differs": found, "checkpoints": str(other)},
            )


def _software_of(facts: Facts) -> dict[str, Any]:
    return {name: facts.fingerprint.get(name) for name in software()}
