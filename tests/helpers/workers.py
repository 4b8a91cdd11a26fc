"""Trains on one of several workers, or on several devices of one; as a program: KIND FOLDER DEVICES [DIES_IN].

TF_CONFIG says which worker this is. It writes FOLDER/result-WORKER.npz, as `helpers.resumable` does. DIES_IN is the
epoch in which the worker kills itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import numpy as np

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.workers import worker_of
from flowerops.errors import FlowerOpsError
from flowerops.ml import devices, head
from flowerops.ml.backbones import cnn
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.fit import TrainedModel, Training, train
from flowerops.ml.replicas import Replicas
from flowerops.ml.runtime import load_tensorflow
from helpers.image_source import coloured

LABELS = ["red", "green", "blue"]
COUNT = 50
"""Three steps of 16 and one of 2: no number of devices shares them all equally."""
# Nothing of chance: the number of devices decides who draws which number.
_SAME = {"batch_size": 16, "augment": ()}
PARAMS = {
    "head": TrainParams(epochs=4, weight_decay=0.01, **_SAME),
    "cnn": TrainParams(backbone="cnn", epochs=3, learning_rate=1e-4, **_SAME),
    "fine-tune": TrainParams(epochs=2, weight_decay=0.01, fine_tune=1, fine_tune_epochs=2, **_SAME),
    "ema": TrainParams(epochs=2, weight_decay=0.01, fine_tune=1, fine_tune_epochs=2, ema=0.9, **_SAME),
}
SIZE = {"head": 32, "cnn": 48, "fine-tune": 32, "ema": 32}


def without_chance() -> None:
    head.DROPOUT = 0.0
    cnn._DROPOUT = 0.0


def mirror(count: int) -> None:
    """Let training find so many devices: parts of the CPU."""
    tensorflow = load_tensorflow()
    config = tensorflow.config
    parts = [config.LogicalDeviceConfiguration()] * count
    config.set_logical_device_configuration(config.list_physical_devices("CPU")[0], parts)

    def opened(worker: object) -> Replicas:
        names = [f"CPU:{index}" for index in range(count)]
        return Replicas(tensorflow.distribute.MirroredStrategy(names), worker_of({}))

    devices.open_replicas = opened  # type: ignore[assignment]


def fit(kind: str, folder: Path, dies_in: int = 0) -> TrainedModel:
    worker = worker_of(os.environ)

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        print("epoch", epoch, metrics, flush=True)
        if epoch == dies_in:
            os.kill(os.getpid(), signal.SIGKILL)

    learn, held_out = coloured(COUNT, SIZE[kind], 3, seed=1), coloured(23, SIZE[kind], 3, seed=2)
    place = CheckpointPlace(folder / "checkpoints", None, "data", spacing=0.0) if worker.index == 0 else None
    cache = folder / f"cache-{worker.index}"
    work = Training(learn, held_out, LABELS, SIZE[kind], "pad", PARAMS[kind], cache, place, worker)
    with place.held() if place else contextlib.nullcontext():
        return train(work, SilentProgress(), on_epoch)


def main(kind: str, folder: Path, count: int, dies_in: int) -> None:
    without_chance()
    if count > 1:
        mirror(count)
    trained = fit(kind, folder, dies_in)
    arrays = {f"weight-{index:03d}": array for index, array in enumerate(trained.model.get_weights())}
    facts = {"computed": np.array(trained.features["computed"]), "resumed": np.array((trained.resumed or {}).get("epochs", 0))}
    curves = {name: np.array(values) for name, values in trained.history.items()}
    np.savez(folder / f"result-{worker_of(os.environ).index}.npz", **arrays, **facts, **curves)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    except FlowerOpsError as error:
        print(f"{error.code}: {error.message}", flush=True)
        sys.exit(error.exit_code)
