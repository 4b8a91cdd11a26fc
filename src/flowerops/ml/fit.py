"""Training: from labelled images to one Keras model that takes pixels and gives probabilities."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import BackboneInfo
from flowerops.domain.params import Fit, TrainParams
from flowerops.domain.progress import Progress
from flowerops.domain.workers import ALONE, Worker
from flowerops.images import DECODER_VERSION
from flowerops.ml.backbones import Backbone, check_name, cnn, open_backbone
from flowerops.ml.blocks import learning_layers
from flowerops.ml.checkpoint_files import Checkpoint
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.checkpoints import Checkpoints
from flowerops.ml.devices import active, choose_devices, using
from flowerops.ml.end_to_end import fit_cnn
from flowerops.ml.features import Extracted, extract
from flowerops.ml.fine_tuning import fine_tune
from flowerops.ml.fingerprint import decisive, software
from flowerops.ml.head import Examples, fit_head
from flowerops.ml.learning import Fitted, check_labels
from flowerops.ml.listener import Listener, OnEpoch
from flowerops.ml.litert_head import with_head
from flowerops.ml.runtime import configure
from flowerops.ml.sharing import share_checkpoint, share_features
from flowerops.ml.source import ImageSource, JoinedSource


@dataclass(frozen=True)
class Training:
    """What to train on, and how.

    train, val: the images to learn from, and those that decide when to stop. labels: class names in label order.
    image_size, fit: the images' geometry. cache_dir: where features are remembered, shared by all runs.
    checkpoints: where the training leaves them, and goes on from the newest; held by the caller. None for none, and for
    all workers but the first. worker: this process's place among those that train together.
    """

    train: ImageSource
    val: ImageSource
    labels: list[str]
    image_size: int
    fit: Fit
    params: TrainParams
    cache_dir: Path
    checkpoints: CheckpointPlace | None = None
    worker: Worker = ALONE


@dataclass(frozen=True)
class TrainedModel:
    """What training gives.

    model: keras.Model, float32 RGB 0..255 [batch, size, size, 3] → probabilities [batch, classes].
    backbone: name, source and SHA-256 of the pretrained weights. history: each epoch's loss, accuracy, val_loss and
    val_accuracy. metrics: the same of the best epoch, whose weights the model has, and best_epoch, epochs.
    features: images computed and cached. seconds: by phase. settings: learning_rate,
    batch_size and, with a backbone, weight_decay as used. flatbuffer: the model for LiteRT, where it costs nothing.
    resumed: after how many epochs, from a checkpoint of which run; None where the training began with the first.
    """

    model: Any
    backbone: BackboneInfo
    history: dict[str, list[float]]
    metrics: dict[str, float]
    features: dict[str, int]
    seconds: dict[str, float]
    settings: dict[str, float]
    resumed: dict[str, Any] | None
    flatbuffer: bytes | None = None


def train(work: Training, progress: Progress, on_epoch: OnEpoch) -> TrainedModel:
    """Train a classifier.

    Args:
        work: What to train on, and how.
        progress: Gets the tasks "features" (or "reading") and "training".
        on_epoch: Called after each epoch with its number from 1 and its metrics, see `listener.Listener`.

    Raises:
        BadInputError: Unknown backbone, fewer than two classes, a class without training images, no validation images;
            the checkpoints are of a training with other data or settings.
        StoreIntegrityError: All checkpoints are damaged.
        UsageError: TensorFlow is not installed, or a GPU is required and there is none.
        RemoteError: Pretrained weights could not be downloaded, or another worker has failed.
    """
    check_name(work.params.backbone, work.params.weights)
    check_labels(work.train.labels, work.val.labels, work.labels)
    clock = _Clock()
    configure(work.params.seed, work.params.threads, deterministic=work.params.deterministic)
    devices = choose_devices(work.params, work.worker)
    clock.lap("tensorflow")
    run = _train_cnn if work.params.backbone == cnn.NAME else _train_head
    with using(devices):
        return run(work, progress, on_epoch, clock)


@dataclass
class _Clock:
    """Seconds of each phase, measured from the end of the one before."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase], self._since = round(now - self._since, 3), now


def _train_head(work: Training, progress: Progress, on_epoch: OnEpoch, clock: _Clock) -> TrainedModel:
    backbone = open_backbone(work.params.backbone, work.image_size, work.params.weights, progress)
    listener = _listener(work, backbone.digest, progress, on_epoch)  # before hours of work that would be for nothing
    learning_layers(backbone.model, work.params.fine_tune, backbone.info.name)
    clock.lap("backbone")
    both = JoinedSource(work.train, work.val)
    computing = functools.partial(
        extract,
        backbone,
        fit=work.fit,
        cache_dir=work.cache_dir if work.params.cache else None,
        progress=progress,
        threads=work.params.threads,
    )
    found = share_features(computing, both, active().replicas)
    clock.lap("features")
    border = len(work.train.keys)
    learning = Examples(found.features[:border], work.train.labels)
    held_out = Examples(found.features[border:], work.val.labels)
    head = fitted = fit_head(learning, held_out, len(work.labels), work.params, listener)
    clock.lap("fit")
    if work.params.fine_tune:
        fitted = fine_tune(backbone, head, work.train, work.val, work.params, work.cache_dir, listener=listener)
        clock.lap("fine_tune")
    model = _assembled(backbone, head.model)
    features = {"computed": found.computed, "cached": found.cached}
    result = _result(model, backbone.info, fitted, features, clock, listener.found)
    return result if work.params.fine_tune else replace(result, flatbuffer=_flatbuffer(found, fitted.model))


def _flatbuffer(found: Extracted, head: Any) -> bytes | None:
    """The model for LiteRT, made of the backbone's own form, which is there; other engines have none."""
    kernel, bias = head.layers[-1].get_weights()
    return with_head(found.flatbuffer, kernel, bias) if found.flatbuffer else None


def _train_cnn(work: Training, progress: Progress, on_epoch: OnEpoch, clock: _Clock) -> TrainedModel:
    listener = _listener(work, None, progress, on_epoch)
    fitted = fit_cnn(
        work.train, work.val, len(work.labels), work.image_size, work.params, work.cache_dir, listener=listener
    )
    clock.lap("fit")
    info = BackboneInfo(name=cnn.NAME, weights_source="none: trained from scratch")
    return _result(fitted.model, info, fitted, {"computed": 0, "cached": 0}, clock, listener.found)


def _assembled(backbone: Backbone, head: Any) -> Any:
    """One model from pixels to probabilities; the backbone stays as it is."""
    import keras

    return keras.Model(backbone.model.input, head(backbone.model.output), name="classifier")


def _listener(work: Training, backbone: str | None, progress: Progress, on_epoch: OnEpoch) -> Listener:
    checkpoints = None
    if work.checkpoints is not None:
        checkpoints = Checkpoints(work.checkpoints, _fingerprint(work, backbone), progress)
    found = share_checkpoint(checkpoints.newest() if checkpoints else None, active().replicas)
    return Listener(progress, on_epoch, checkpoints, found)


def _fingerprint(work: Training, backbone: str | None) -> dict[str, Any]:
    """What, besides the data, decides the result bit by bit, and can differ from one attempt to the next."""
    return {
        "labels": work.labels,
        "image_size": work.image_size,
        "fit": work.fit,
        "decoder": DECODER_VERSION,
        "params": decisive(work.params),
        "weights": backbone,
        **software(),
    }


def _result(
    model: Any,
    backbone: BackboneInfo,
    fitted: Fitted,
    features: dict[str, int],
    clock: _Clock,
    found: Checkpoint | None,
) -> TrainedModel:
    recipe = fitted.recipe
    settings = {"learning_rate": recipe.learning_rate, "batch_size": recipe.batch_size}
    if recipe.weight_decay is not None:
        settings["weight_decay"] = recipe.weight_decay
    resumed = {"epochs": found.epoch, "run": found.run} if found else None
    history = fitted.course.history
    return TrainedModel(model, backbone, history, fitted.metrics, features, clock.seconds, settings, resumed)
