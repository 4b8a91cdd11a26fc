"""After the head the backbone learns, too; what comes out is never worse."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.bundle import BackboneInfo
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.ml.backbones import Backbone
from flowerops.ml.backbones.base import make_backbone
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.checkpoints import Checkpoints
from flowerops.ml.fine_tuning import fine_tune
from flowerops.ml.head import Examples, fit_head
from flowerops.ml.learning import Fitted
from flowerops.ml.listener import Listener
from flowerops.ml.runtime import configure, load_tensorflow
from helpers.image_source import ArraySource, coloured

SIZE, CLASSES = 32, 3
TRAIN, VAL = coloured(96, SIZE, CLASSES, seed=1), coloured(48, SIZE, CLASSES, seed=2)
PARAMS = TrainParams(epochs=2, fine_tune=1, fine_tune_epochs=4, fine_tune_learning_rate=0.01, batch_size=16)


def blind_backbone() -> Backbone:
    """Its features say little of colours until its last block learns."""
    configure(1)
    from keras import Input, Model, layers

    inputs = Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(4, 3, strides=4, activation="relu", name="block1_conv")(x)
    x = layers.BatchNormalization(name="block1_bn")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="block2_conv")(x)
    x = layers.BatchNormalization(name="block2_bn")(x)
    return make_backbone(
        Model(inputs, layers.GlobalAveragePooling2D()(x)), BackboneInfo(name="blind", weights_source="test")
    )


def both_phases(
    backbone: Backbone,
    params: TrainParams,
    folder: Path,
    val: ArraySource = VAL,
    listener: Listener | None = None,
) -> tuple[Fitted, Fitted]:
    """A copy of the head's state after the first phase, and the second."""
    listener = listener or Listener(SilentProgress(), lambda epoch, metrics: None)
    seen = [
        Examples(backbone.model.predict(each.images.astype(np.float32), verbose=0), each.labels)
        for each in (TRAIN, val)
    ]
    head = fit_head(seen[0], seen[1], CLASSES, params, listener)
    before = dataclasses.replace(head, course=dataclasses.replace(head.course, best_weights=head.model.get_weights()))
    before.course.history = {name: list(values) for name, values in head.course.history.items()}
    return before, fine_tune(backbone, head, TRAIN, val, params, folder, listener=listener)


@pytest.mark.parametrize("ema", [None, 0.5])
def test_it_learns_what_the_head_alone_could_not(tmp_path: Path, ema: float | None) -> None:
    backbone = blind_backbone()
    frozen = {
        weight.path: weight.numpy() for weight in backbone.model.weights if not weight.path.startswith("block2_conv")
    }
    head, tuned = both_phases(backbone, PARAMS.model_copy(update={"ema": ema}), tmp_path)
    assert tuned.metrics["val_loss"] < head.metrics["val_loss"] - 0.02
    assert tuned.metrics["best_epoch"] > tuned.metrics["head_epochs"] == 2
    assert tuned.course.history["loss"][:2] == head.course.history["loss"]
    for weight in backbone.model.weights:
        if weight.path in frozen:  # the first block, and all statistics
            np.testing.assert_array_equal(weight.numpy(), frozen[weight.path])
    answers = tuned.model.predict(VAL.images.astype(np.float32), verbose=0)
    loss = -np.log(answers[np.arange(48), VAL.labels]).mean()
    assert loss == pytest.approx(tuned.metrics["val_loss"], abs=1e-5)  # with an average: of the average


def test_where_it_only_does_harm_everything_stays_as_it_was(tmp_path: Path) -> None:
    backbone = blind_backbone()
    wrong = ArraySource(VAL.images, (VAL.labels + 1) % CLASSES)  # what is learnt makes this worse
    before = backbone.model.get_weights()
    params = PARAMS.model_copy(update={"fine_tune_learning_rate": 0.05, "patience": 2, "epochs": 1})
    head, tuned = both_phases(backbone, params, tmp_path, wrong)
    assert tuned.metrics["best_epoch"] == 1
    assert tuned.metrics["epochs"] < 1 + params.fine_tune_epochs  # patience counts in the second phase alone
    assert tuned.metrics["val_loss"] == head.metrics["val_loss"]
    for one, other in zip(backbone.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(tuned.model.layers[-1].get_weights(), head.course.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)


def attempt(folder: Path, until: int | None = None) -> tuple[Backbone, Fitted]:
    """A training that goes on from the newest checkpoint, and ends in an epoch before that one's checkpoint."""

    def end(epoch: int, metrics: dict[str, float]) -> None:
        if epoch == until:
            raise RuntimeError("the node is gone")

    place = CheckpointPlace(folder / "checkpoints", "run-1", "digest of the data", spacing=0.0)
    with place.held():
        checkpoints = Checkpoints(place, {}, SilentProgress())
        backbone = blind_backbone()
        listener = Listener(SilentProgress(), end, checkpoints, checkpoints.newest())
        params = PARAMS.model_copy(update={"ema": 0.8, "fine_tune_epochs": 3, "augment": ("flip", "crop", "cutmix")})
        return backbone, both_phases(backbone, params, folder, listener=listener)[1]


def test_interrupted_in_every_epoch_it_is_the_same_bit_by_bit(tmp_path: Path) -> None:
    backbone, whole = attempt(tmp_path / "whole")
    for epoch in (2, 3, 4, 5):  # the head's last one, between the phases, and within the second
        with pytest.raises(RuntimeError, match="the node is gone"):
            attempt(tmp_path / "resumed", epoch)
    backbone_again, again = attempt(tmp_path / "resumed")
    assert again.course.history == whole.course.history
    assert again.course.begun == whole.course.begun == 2
    for one, other in zip(again.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(backbone_again.model.get_weights(), backbone.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_learning_rate_warms_up_and_falls_along_a_cosine() -> None:
    load_tensorflow()
    from flowerops.ml.schedule import warm_cosine

    rate = [float(warm_cosine(0.1, 100, 0.1)(step)) for step in (0, 5, 10, 55, 100)]
    assert rate == pytest.approx([0, 0.05, 0.1, 0.05, 0], abs=1e-6)
    assert float(warm_cosine(0.1, 100, 0.0)(0)) == pytest.approx(0.1)
    assert float(warm_cosine(0.1, 1, 1.0)(0)) == pytest.approx(0.1)
