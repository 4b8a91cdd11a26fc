"""Trains on one of several workers, or on several devices of one; as a program: KINDS FOLDER DEVICES DIES_IN.

TF_CONFIG says which worker this is. It trains one kind after another (`head,cnn`) and writes
FOLDER/KIND-WORKER.npz: the weights, the curves, how many images it read, how many features all workers
computed, after how many epochs it went on. DIES_IN is the epoch
in which the worker kills itself, or 0.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import numpy as np

from flowerops.domain.bundle import BackboneInfo
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.workers import worker_of
from flowerops.errors import FlowerOpsError
from flowerops.ml import devices
from flowerops.ml import fit as training
from flowerops.ml.backbones import Backbone, cnn
from flowerops.ml.backbones.base import make_backbone
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
    "fine-tune": TrainParams(epochs=2, weight_decay=0.01, fine_tune=1, fine_tune_epochs=2, ema=0.9, **_SAME),
}
SIZE = {"head": 32, "cnn": 48, "fine-tune": 32}


def without_chance() -> None:
    cnn._DROPOUT = 0.0


def tiny_backbone(*given: object) -> Backbone:
    """Two blocks that are made in a moment, with the same weights everywhere."""
    load_tensorflow()
    from keras import Input, Model, initializers, layers

    inputs = Input((SIZE["head"], SIZE["head"], 3))
    x = layers.Rescaling(1 / 255)(inputs)
    for block, filters in enumerate((8, 16)):
        start = initializers.GlorotUniform(seed=block)
        x = layers.Conv2D(filters, 3, strides=2, kernel_initializer=start, name=f"block_{block}_conv")(x)
        x = layers.BatchNormalization(name=f"block_{block}_bn")(x)
        x = layers.ReLU()(x)
    outputs = layers.GlobalAveragePooling2D()(x)
    return make_backbone(Model(inputs, outputs), BackboneInfo(name="tiny", weights_source="test"))


def mirror(count: int) -> None:
    """Let training find so many devices: parts of the CPU."""
    tensorflow = load_tensorflow()
    config = tensorflow.config
    parts = [config.LogicalDeviceConfiguration()] * count
    config.set_logical_device_configuration(config.list_physical_devices("CPU")[0], parts)

    names = [f"CPU:{index}" for index in range(count)]
    found = Replicas(tensorflow.distribute.MirroredStrategy(names), worker_of({}))
    devices.open_replicas = lambda worker: found  # type: ignore[assignment]


def fit(kind: str, folder: Path, dies_in: int = 0) -> tuple[TrainedModel, int]:
    """The model, and how many images this worker read."""
    worker = worker_of(os.environ)

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        print("epoch", epoch, metrics, flush=True)
        if epoch == dies_in:
            os.kill(os.getpid(), signal.SIGKILL)

    learn, held_out = coloured(COUNT, SIZE[kind], 3, seed=1), coloured(23, SIZE[kind], 3, seed=2)
    place = CheckpointPlace(folder / f"checkpoints-{kind}", None, "data", spacing=0.0) if worker.index == 0 else None
    cache = folder / f"cache-{worker.index}"
    work = Training(learn, held_out, LABELS, SIZE[kind], "pad", PARAMS[kind], cache, place, worker)
    with place.held() if place else contextlib.nullcontext():
        return train(work, SilentProgress(), on_epoch), learn.reads + held_out.reads


def save(kind: str, folder: Path, trained: TrainedModel, read: int) -> None:
    arrays = {f"weight-{index:03d}": array for index, array in enumerate(trained.model.get_weights())}
    curves = {name: np.array(values) for name, values in trained.history.items()}
    counts = {"read": read, **trained.features, "resumed": (trained.resumed or {}).get("epochs", 0)}
    np.savez(folder / f"{kind}-{worker_of(os.environ).index}.npz", **counts, **arrays, **curves)


if __name__ == "__main__":
    without_chance()
    training.open_backbone = tiny_backbone  # type: ignore[assignment]
    if int(sys.argv[3]) > 1:
        mirror(int(sys.argv[3]))
    try:
        for kind in sys.argv[1].split(","):
            save(kind, Path(sys.argv[2]), *fit(kind, Path(sys.argv[2]), int(sys.argv[4])))
    except FlowerOpsError as error:
        print(f"{error.code}: {error.message}", flush=True)
        sys.exit(error.exit_code)
