"""A training that was interrupted anywhere and resumed ends as if nothing had happened: bit by bit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError
from flowerops.ml.course import METRICS, Course, taken_up
from flowerops.ml.fit import TrainedModel
from flowerops.ml.runtime import load_tensorflow
from helpers.resumable import PARAMS, fit


class Listener(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


def interrupted(kind: str, folder: Path, at: int) -> None:
    """A training that ends in an epoch, before its checkpoint: what it goes on from is the one before."""

    def end(epoch: int, metrics: dict[str, float]) -> None:
        if epoch == at:
            raise RuntimeError("the node is gone")

    with pytest.raises(RuntimeError, match="the node is gone"):
        fit(kind, folder, on_epoch=end)


def assert_same(one: TrainedModel, other: TrainedModel) -> None:
    assert one.history == other.history
    assert one.metrics == other.metrics
    for left, right in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resuming")


@pytest.fixture(scope="module")
def head(cache: Path) -> TrainedModel:
    return fit("head", cache)


@pytest.fixture(scope="module")
def cnn(cache: Path) -> TrainedModel:
    return fit("cnn", cache / "cnn")


@pytest.fixture
def place(cache: Path, head: TrainedModel, tmp_path: Path) -> Path:
    """A folder that knows the features, and no checkpoints."""
    shutil.copytree(cache / "cache", tmp_path / "cache")
    return tmp_path


def test_the_training_of_these_tests_stops_early_and_past_its_best(head: TrainedModel) -> None:
    assert 2 <= head.metrics["best_epoch"] < head.metrics["epochs"] < PARAMS["head"].most_epochs
    assert head.resumed is None


def test_a_head_interrupted_in_every_epoch_is_the_same(place: Path, head: TrainedModel) -> None:
    for epoch in range(2, int(head.metrics["epochs"]) + 1):
        interrupted("head", place, epoch)
    again = fit("head", place)
    assert again.resumed == {"epochs": head.metrics["epochs"] - 1, "run": "run-1"}
    assert_same(again, head)


def test_a_cnn_interrupted_in_every_epoch_is_the_same(tmp_path: Path, cnn: TrainedModel) -> None:
    for epoch in (2, 3, 4):
        interrupted("cnn", tmp_path, epoch)
    again = fit("cnn", tmp_path)
    assert again.resumed == {"epochs": 3, "run": "run-1"}
    assert_same(again, cnn)


def test_a_finished_training_is_not_repeated(place: Path, head: TrainedModel) -> None:
    fit("head", place)
    told: list[int] = []
    again = fit("head", place, on_epoch=lambda epoch, metrics: told.append(epoch))
    assert told == []
    assert_same(again, head)


@pytest.mark.parametrize(("run", "told_again"), [("run-1", False), ("run-2", True), (None, True)])
def test_another_run_is_told_of_the_epochs_that_it_has_not_seen(
    place: Path, head: TrainedModel, run: str | None, told_again: bool
) -> None:
    interrupted("head", place, 3)
    told: dict[int, float] = {}
    heard = Listener()
    again = fit("head", place, run=run, progress=heard, on_epoch=lambda e, m: told.update({e: m["val_loss"]}))
    assert heard.lines == ["resuming at epoch 3"]
    assert min(told) == (1 if told_again else 3)
    assert [told[epoch] for epoch in sorted(told)] == head.history["val_loss"][min(told) - 1 :]
    assert_same(again, head)


@pytest.mark.parametrize("ending", [SystemExit(143), KeyboardInterrupt()])
def test_a_signal_leaves_the_last_finished_epoch(
    place: Path, monkeypatch: pytest.MonkeyPatch, ending: BaseException
) -> None:
    monkeypatch.setattr("helpers.resumable.SPACING", 1e6)

    def end(epoch: int, metrics: dict[str, float]) -> None:
        if epoch == 5:
            raise ending

    with pytest.raises(type(ending)):
        fit("head", place, on_epoch=end)
    written = sorted(path.name for path in (place / "checkpoints").glob("epoch-*"))
    assert written == ["epoch-0001", "epoch-0004"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": 43}, "whose params.seed is 42 and not 43"),
        ({"epochs": 13}, "whose params.epochs is 12 and not 13"),
        ({"learning_rate": 0.1}, "whose params.learning_rate is 0.5 and not 0.1"),
    ],
)
def test_other_settings_are_refused(place: Path, changed: dict[str, float], words: str) -> None:
    interrupted("head", place, 2)
    with pytest.raises(BadInputError, match=words):
        fit("head", place, PARAMS["head"].model_copy(update=changed))
    fit("head", place, PARAMS["head"].model_copy(update={"threads": 2}))


def test_a_checkpoint_of_another_net_is_refused() -> None:
    load_tensorflow()
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    course = Course()
    course.add(dict.fromkeys(METRICS, 0.5), model)
    found = course.checkpoint(model)
    assert taken_up(found, model).epoch == 1
    wider = replace(found, arrays={**found.arrays, "model-000": np.zeros((5, 2), np.float32)})
    with pytest.raises(BadInputError, match="of another model: model-000 does not fit"):
        taken_up(wider, model)
