"""The search before a training: its trials in the run's ledger, and its best parameters for the training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import TuningInfo
from flowerops.domain.progress import Progress
from flowerops.domain.search import Trial, Tuning
from flowerops.io.atomic import atomic_write
from flowerops.ml.checkpoint_place import TUNING_FILE
from flowerops.ml.fit import Training
from flowerops.ml.tuning import Found, shared_features, tune
from flowerops.tracking import StepTracker


@contextlib.contextmanager
def tuned(
    work: Training, out: Path, progress: Progress, tracker: StepTracker
) -> Iterator[tuple[Training, Found | None]]:
    """The training with the best parameters that a search finds, for the block; without `--tune`, as it is.

    Args:
        work: What to train on; its checkpoints are held by the caller.
        out: Gets `tuning.json`.
        progress: Told of the trials.
        tracker: Gets a run for each trial below the step's own, and the file.
    """
    if work.params.tune is None:
        yield work, None
        return
    with shared_features(work) as shared:
        found = tune(shared, progress, lambda trial, known: None if known else _record(tracker, trial))
        tuning = found.tuning
        atomic_write(out / TUNING_FILE, tuning.to_json())
        tracker.params({f"tuned_{name}": value for name, value in tuning.best.values.items()})
        tracker.file(out / TUNING_FILE)
        progress.message(f"training with the parameters of trial {tuning.best.number}: {_values(tuning.best)}")
        yield replace(shared, params=found.params), found


def _record(tracker: StepTracker, trial: Trial) -> None:
    metrics = {"val_loss": trial.val_loss, "val_accuracy": trial.val_accuracy}
    known = {name: value for name, value in metrics.items() if value is not None}
    tracker.trial(f"trial {trial.number}", trial.values, {**known, "seconds": trial.seconds} if known else {})


def _values(trial: Trial) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in trial.values.items()) or "as they were asked for"


def tuning_info(tuning: Tuning | None) -> TuningInfo | None:
    """The search in short, for the bundle."""
    if tuning is None:
        return None
    best, first = tuning.best, tuning.trials[0]
    return TuningInfo(
        trials=len(tuning.trials), best=best.number, val_loss=best.val_loss or 0.0, first_val_loss=first.val_loss
    )


def tuning_result(tuning: Tuning | None) -> dict[str, Any] | None:
    """The search for the step's caller: all trials, the best of them, and what was searched."""
    if tuning is None:
        return None
    return {
        "trials": [trial.model_dump() for trial in tuning.trials],
        "best": tuning.best.model_dump(),
        "space": {name: domain.model_dump() for name, domain in tuning.space.items()},
    }
