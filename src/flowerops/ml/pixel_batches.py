"""Batches of pixels to learn from and to judge by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress
from flowerops.ml.augmentation import Augment, make_augment
from flowerops.ml.batches import Batches, make_batches
from flowerops.ml.learning import Labels, one_hot
from flowerops.ml.pixel_store import PixelStore, hold
from flowerops.ml.runtime import load_tensorflow
from flowerops.ml.source import ImageSource


@contextlib.contextmanager
def pixel_batches(
    train: ImageSource,
    val: ImageSource,
    shape: tuple[int, int],
    batch_size: int,
    params: TrainParams,
    work_dir: Path,
    *,
    progress: Progress,
) -> Iterator[tuple[Batches, Batches]]:
    """Hold the pixels of two splits for the block.

    Args:
        train: Images to learn from; they come in random order, and augmented.
        val: Images to judge by; they come as they are.
        shape: Side of the images in pixels, and number of classes.
        batch_size: Images a batch.
        params: seed and augment are read here.
        work_dir: Holds nameless temporary files where the images are many, see `pixel_store.hold`.
        progress: Gets the task "reading" twice.

    Yields:
        Batches of (float32 [b, size, size, 3], float32 [b, classes]), of both splits.
    """
    size, classes = shape
    with hold(train, size, work_dir, progress) as images, hold(val, size, work_dir, progress) as others:
        augment = make_augment(params.augment)
        learning = _batches(images, train.labels, classes, batch_size, params.seed, augment)
        yield learning, _batches(others, val.labels, classes, batch_size, None)


def _batches(
    images: PixelStore,
    labels: Labels,
    classes: int,
    batch_size: int,
    shuffle_seed: int | None,
    augment: Augment | None = None,
) -> Batches:
    tensorflow = load_tensorflow()
    truth = tensorflow.constant(labels, tensorflow.int64)

    def batch_of(rows: Any) -> Any:
        pixels = tensorflow.numpy_function(images.rows, [rows], tensorflow.uint8)
        pixels = tensorflow.ensure_shape(pixels, (None, *images.shape[1:]))
        return tensorflow.cast(pixels, tensorflow.float32), one_hot(tensorflow.gather(truth, rows), classes)

    return make_batches(images.shape[0], batch_size, shuffle_seed, batch_of, augment)
