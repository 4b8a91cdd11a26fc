"""Training the predecessor's small net from scratch on a tf.data pipeline."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress
from flowerops.ml.backbones import cnn
from flowerops.ml.batches import Batches, make_batches
from flowerops.ml.learning import Fitted, Labels, Recipe, class_weights, fit_model
from flowerops.ml.listener import Listener
from flowerops.ml.runtime import load_tensorflow
from flowerops.ml.source import ImageSource, Pixels

_IN_MEMORY_BYTES = 1 << 30
_READ_AHEAD = 256


def fit_cnn(
    train: ImageSource,
    val: ImageSource,
    classes: int,
    image_size: int,
    params: TrainParams,
    work_dir: Path,
    *,
    listener: Listener,
) -> Fitted:
    """Train the net from pixels.

    Args:
        train: Images to learn from.
        val: Images that decide when to stop.
        classes: Number of labels.
        image_size: Side of the images in pixels.
        params: How; batch_size and learning_rate are the predecessor's where they are unset.
        work_dir: Holds a nameless temporary file where the images need more than 1 GiB.
        listener: Hears of the tasks "reading" and "training" and of each epoch, see `fit_model`.
    """
    model = cnn.build(image_size, classes)
    recipe = Recipe(
        batch_size=params.batch_size or cnn.BATCH_SIZE,
        learning_rate=params.learning_rate or cnn.LEARNING_RATE,
        class_weight=class_weights(train.labels, classes) if params.class_weights else None,
    )
    with (
        _held(train, image_size, work_dir, listener.progress) as images,
        _held(val, image_size, work_dir, listener.progress) as others,
    ):
        learning = _batches(images, train.labels, recipe.batch_size, params.seed)
        held_out = _batches(others, val.labels, recipe.batch_size, None)
        return fit_model(model, learning, held_out, params, recipe, listener)


@contextlib.contextmanager
def _held(source: ImageSource, size: int, work_dir: Path, progress: Progress) -> Iterator[Pixels]:
    """All images of a source as one array, uint8 [n, size, size, 3]; beyond 1 GiB it is a mapped temporary file."""
    shape = (len(source.keys), size, size, 3)
    with contextlib.ExitStack() as stack:
        if int(np.prod(shape, dtype=np.int64)) <= _IN_MEMORY_BYTES:
            images: Pixels = np.empty(shape, np.uint8)
        else:
            work_dir.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(tempfile.TemporaryFile(dir=work_dir))
            images = np.memmap(file, np.uint8, "w+", shape=shape)
        with progress.task("reading", len(images), "image") as task:
            for start in range(0, len(images), _READ_AHEAD):
                chunk = range(start, min(start + _READ_AHEAD, len(images)))
                images[start : chunk.stop] = source.pixels(chunk)
                task.advance(len(chunk))
        yield images


def _batches(images: Pixels, labels: Labels, batch_size: int, shuffle_seed: int | None) -> Batches:
    """Of (float32 [b, size, size, 3], int64 [b])."""
    tensorflow = load_tensorflow()
    truth = tensorflow.constant(labels, tensorflow.int64)

    def batch_of(rows: Any) -> Any:
        pixels = tensorflow.numpy_function(lambda chosen: images[chosen], [rows], tensorflow.uint8)
        pixels = tensorflow.ensure_shape(pixels, (None, *images.shape[1:]))
        return tensorflow.cast(pixels, tensorflow.float32), tensorflow.gather(truth, rows)

    return make_batches(len(images), batch_size, shuffle_seed, batch_of)
