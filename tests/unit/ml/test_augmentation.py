"""Changed copies of images: other ones each time, the same ones again for the same key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowerops.domain.params import AUGMENTATIONS
from flowerops.ml.augmentation import make_augment
from flowerops.ml.batches import Batches, make_batches
from flowerops.ml.runtime import load_tensorflow

SIZE, CLASSES = 24, 3
IMAGES = np.random.default_rng(0).uniform(0, 255, (8, SIZE, SIZE, 3)).astype(np.float32)
LABELS = np.eye(CLASSES, dtype=np.float32)[np.arange(8) % CLASSES]


def changed(names: tuple[str, ...], key: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    tensorflow = load_tensorflow()
    augment = make_augment(names)
    assert augment is not None
    one = tensorflow.data.Dataset.from_tensors((IMAGES, LABELS)).map(
        lambda images, labels: augment(images, labels, tensorflow.constant(key, tensorflow.int64))
    )
    images, labels = next(iter(one))
    return images.numpy(), labels.numpy()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_kind_depends_on_the_key_alone(name: str) -> None:
    first, labels = changed((name,), (1, 2))
    again, labels_again = changed((name,), (1, 2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(labels, labels_again)
    assert not np.array_equal(first, changed((name,), (1, 3))[0])
    assert not np.array_equal(first, IMAGES)


def test_images_stay_images_and_labels_shares_of_one() -> None:
    images, labels = changed(AUGMENTATIONS, (5, 6))
    assert images.shape == IMAGES.shape and images.dtype == np.float32
    assert images.min() >= -1e-3 and images.max() <= 255 + 1e-3
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)
    assert (labels.max(axis=1) < 1).any()


def test_a_flipped_image_is_one_or_its_mirror() -> None:
    images, labels = changed(("flip",), (1, 1))
    mirrored = [np.array_equal(image, original[:, ::-1]) for image, original in zip(images, IMAGES, strict=True)]
    same = [np.array_equal(image, original) for image, original in zip(images, IMAGES, strict=True)]
    assert any(mirrored) and any(same) and all(np.logical_xor(mirrored, same))
    np.testing.assert_array_equal(labels, LABELS)


def test_nothing_asked_for_changes_nothing() -> None:
    assert make_augment(()) is None


def passes(batches: Batches, epoch: int) -> list[Any]:
    batches.begin_epoch(epoch)
    return [(images.numpy(), labels.numpy()) for images, labels in batches.dataset]


def test_an_epoch_is_the_same_whether_or_not_others_came_before_it() -> None:
    tensorflow = load_tensorflow()

    def batch_of(rows: Any) -> Any:
        return tensorflow.gather(IMAGES, rows), tensorflow.gather(LABELS, rows)

    def batches() -> Batches:
        return make_batches(8, 3, 42, batch_of, make_augment(("crop", "mixup")))

    long = batches()
    before, third = [passes(long, epoch) for epoch in range(3)][1:]
    for one, other in zip(third, passes(batches(), 2), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert not np.array_equal(third[0][0], before[0][0])
