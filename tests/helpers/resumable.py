"""A small training that can be killed in any epoch and resumed; as a program: KIND FOLDER [KILLED_IN].

It writes to FOLDER/result.npz the final weights and the curves; KILLED_IN is the epoch in which it kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.fit import TrainedModel, Training, train
from helpers.image_source import coloured

LABELS = ["red", "green", "blue"]
PARAMS = {
    # On few and noisy images it comes to its best epoch soon, and stops before the last one.
    "head": TrainParams(epochs=12, patience=3, learning_rate=0.5, weight_decay=0.0, batch_size=16),
    "cnn": TrainParams(backbone="cnn", epochs=4, batch_size=16),
    "fine_tune": TrainParams(
        epochs=2, batch_size=32, fine_tune=1, fine_tune_epochs=3, ema=0.8, augment=("flip", "crop", "cutmix")
    ),
}
SPACING = 0.0
SIZE = {"head": 32, "cnn": 48, "fine_tune": 32}


def fit(
    kind: str,
    folder: Path,
    params: TrainParams | None = None,
    *,
    run: str | None = "run-1",
    on_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, metrics: None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Train with a checkpoint each epoch in FOLDER/checkpoints; FOLDER/cache keeps features."""
    size = SIZE[kind]
    place = CheckpointPlace(folder / "checkpoints", run, "digest of the data", spacing=SPACING)
    learn, held_out = coloured(90, size, 3, seed=1), coloured(24, size, 3, seed=2)
    work = Training(learn, held_out, LABELS, size, "pad", params or PARAMS[kind], folder / "cache", place)
    with place.held():
        return train(work, progress or SilentProgress(), on_epoch)


def save(trained: TrainedModel, file: Path) -> None:
    """All that must not depend on interruptions."""
    weights = {f"weight-{index:03d}": array for index, array in enumerate(trained.model.get_weights())}
    np.savez(file, **weights, **{name: np.array(values) for name, values in trained.history.items()})


if __name__ == "__main__":
    killed_in = int(sys.argv[3]) if len(sys.argv) > 3 else 0

    def die(epoch: int, metrics: dict[str, float]) -> None:
        if epoch == killed_in:
            os.kill(os.getpid(), signal.SIGKILL)

    save(fit(sys.argv[1], Path(sys.argv[2]), on_epoch=die), Path(sys.argv[2]) / "result.npz")
