"""The training loop stops in time, keeps the best, and says what happens."""

from __future__ import annotations

import numpy as np
import pytest

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, FlowerOpsError
from flowerops.ml.head import Examples, fit_head
from flowerops.ml.learning import Fitted, check_labels, class_weights
from flowerops.ml.listener import Listener
from flowerops.ml.runtime import configure

CLASSES = 3


def examples(count: int, seed: int, noise: float = 1.0) -> Examples:
    source = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % CLASSES
    features = np.eye(CLASSES, 8)[labels] * 2 + source.normal(0, noise, (count, 8))
    return Examples(features.astype(np.float32), labels)


def fit(params: TrainParams, learn: Examples | None = None, seen: list[int] | None = None) -> Fitted:
    configure(params.seed)
    heard = seen if seen is not None else []
    data = learn or examples(240, 1)
    return fit_head(
        data, examples(90, 2), CLASSES, params, Listener(SilentProgress(), lambda epoch, _: heard.append(epoch))
    )


def test_class_weights_give_every_class_the_same_total() -> None:
    labels = np.array([0] * 90 + [1] * 9 + [2], np.int64)
    weights = class_weights(labels, 3)
    assert [weights[label] * int((labels == label).sum()) for label in range(3)] == pytest.approx([100 / 3] * 3)


def test_every_epoch_is_reported_with_its_number_and_four_figures() -> None:
    seen: list[int] = []
    fitted = fit(TrainParams(epochs=4), seen=seen)
    assert seen == [1, 2, 3, 4]
    assert {name: len(values) for name, values in fitted.course.history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 4
    )


def test_the_model_has_the_weights_of_the_best_epoch_also_when_the_last_was_worse() -> None:
    fitted = fit(TrainParams(epochs=40, patience=3, learning_rate=0.5))
    best = fitted.metrics["best_epoch"]
    assert best < fitted.metrics["epochs"] < 40
    held_out = examples(90, 2)
    answers = fitted.model.predict(held_out.features, verbose=0)
    loss = -np.log(answers[np.arange(90), held_out.labels]).mean()
    assert loss == pytest.approx(min(fitted.course.history["val_loss"]), abs=1e-5)
    assert fitted.metrics["val_accuracy"] == pytest.approx((answers.argmax(axis=1) == held_out.labels).mean())


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    one, same, other = (fit(TrainParams(epochs=3, seed=seed)).model.get_weights()[0] for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_with_class_weights_a_rare_class_is_not_given_up() -> None:
    common = examples(600, 3, noise=1.6)
    keep = (common.labels != 2) | (np.arange(600) < 30)
    skewed = Examples(common.features[keep], common.labels[keep])
    held_out = examples(90, 2)
    recalls = []
    for weighted in (False, True):
        answers = fit(TrainParams(epochs=30, class_weights=weighted), skewed).model.predict(
            held_out.features, verbose=0
        )
        recalls.append((answers.argmax(axis=1)[held_out.labels == 2] == 2).mean())
    assert recalls[1] > recalls[0] + 0.1


def test_a_loss_that_is_no_number_ends_the_training_with_advice() -> None:
    broken = examples(60, 1)
    broken.features[0, 0] = np.nan
    with pytest.raises(FlowerOpsError, match="diverged in epoch") as caught:
        fit(TrainParams(epochs=3), broken)
    assert "learning rate" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("train", "val", "names", "words"),
    [
        ([0, 0], [0], ["daisy"], "two classes"),
        ([0, 0], [0], ["daisy", "roses"], "no training image of roses"),
        ([0, 1], [], ["daisy", "roses"], "validation split is empty"),
    ],
)
def test_data_that_nothing_can_be_learnt_from_is_refused(
    train: list[int], val: list[int], names: list[str], words: str
) -> None:
    with pytest.raises(BadInputError, match=words):
        check_labels(np.array(train, np.int64), np.array(val, np.int64), names)
