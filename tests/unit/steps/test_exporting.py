"""An int8 model that loses too much is left out; that is a warning, not a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowerops.domain.bundle import BackboneInfo
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.ml.fit import TrainedModel, Training
from flowerops.ml.runtime import configure
from flowerops.steps.exporting import export_all
from helpers.image_source import coloured

SIZE = 16
FILES = {"model.keras", "model.tflite"}


class Said(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


def trained(loud: float) -> TrainedModel:
    """Takes the strongest colour; beside the colours runs a copy, `loud` times as strong, that means nothing."""
    configure(1, threads=1)
    from keras import Input, Model, layers

    image = Input((SIZE, SIZE, 3))
    colours = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(image))
    mixed = layers.Concatenate()([colours, layers.Rescaling(loud)(colours)])
    last = layers.Dense(3, activation="softmax")
    model = Model(image, last(mixed))
    last.set_weights([np.concatenate([np.eye(3) * 20, np.zeros((3, 3))]).astype(np.float32), np.zeros(3, np.float32)])
    info = BackboneInfo(name="tiny", weights_source="test")
    return TrainedModel(model, info, {}, {}, {}, {}, {}, None)


def work(tmp_path: Path, **params: Any) -> Training:
    learn, held_out = coloured(30, SIZE, 3, seed=1), coloured(30, SIZE, 3, seed=2)
    return Training(learn, held_out, ["red", "green", "blue"], SIZE, "pad", TrainParams(**params), tmp_path)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_only_what_is_wanted_is_written(tmp_path: Path) -> None:
    assert export_all(trained(1), work(tmp_path), tmp_path, SilentProgress()) is None
    assert names(tmp_path) == FILES


def test_an_int8_model_as_good_as_the_float_one_is_kept(tmp_path: Path) -> None:
    info = export_all(trained(1), work(tmp_path, quantize=True), tmp_path, SilentProgress())
    assert info is not None and info.kept
    assert (info.accuracy, info.float_accuracy, info.drop, info.images) == (1.0, 1.0, 0.0, 30)
    assert names(tmp_path) == FILES | {"model.int8.tflite"}
    assert info.bytes == (tmp_path / "model.int8.tflite").stat().st_size


def test_one_that_loses_too_much_is_left_out_with_its_figures(tmp_path: Path) -> None:
    said = Said()
    info = export_all(trained(1e4), work(tmp_path, quantize=True), tmp_path, said)
    assert info is not None and not info.kept
    assert info.float_accuracy == 1.0 and info.drop == pytest.approx(1 - info.accuracy) and info.drop > 0.02
    assert names(tmp_path) == FILES
    assert any(line.startswith("warning: the int8 model is left out: its accuracy on 30") for line in said.lines)


def test_how_much_may_be_lost_is_the_users_choice(tmp_path: Path) -> None:
    info = export_all(trained(1e4), work(tmp_path, quantize=True, max_quantize_drop=1.0), tmp_path, SilentProgress())
    assert info is not None and info.kept
