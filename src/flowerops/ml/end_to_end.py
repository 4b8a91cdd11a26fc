"""Training on pixels: the predecessor's small net from scratch, and the batches that fine-tuning uses, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowerops.domain.params import TrainParams
from flowerops.ml.augmentation import Augment, make_augment
from flowerops.ml.backbones import cnn
from flowerops.ml.batches import Batches, make_batches
from flowerops.ml.learning import Fitted, Labels, Recipe, class_weights, fit_model, one_hot
from flowerops.ml.listener import Listener
from flowerops.ml.pixel_store import PixelStore, hold
from flowerops.ml.runtime import load_tensorflow
from flowerops.ml.source import ImageSource


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
        work_dir: Holds a nameless temporary file where the images are many, see `pixel_store.hold`.
        listener: Hears of the tasks "reading" and "training" and of each epoch, see `fit_model`.

    Returns:
        The net without its dropout layer.
    """
    model = cnn.build(image_size, classes)
    recipe = Recipe(
        batch_size=params.batch_size or cnn.BATCH_SIZE,
        learning_rate=params.learning_rate or cnn.LEARNING_RATE,
        class_weight=class_weights(train.labels, classes) if params.class_weights else None,
        label_smoothing=params.label_smoothing,
    )
    with (
        hold(train, image_size, work_dir, listener.progress) as images,
        hold(val, image_size, work_dir, listener.progress) as others,
    ):
        augment = make_augment(params.augment)
        learning = pixel_batches(images, train.labels, classes, recipe.batch_size, params.seed, augment)
        held_out = pixel_batches(others, val.labels, classes, recipe.batch_size, None)
        fitted = fit_model(model, learning, held_out, params, recipe, listener)
    served = cnn.build(image_size, classes, dropout=False)
    served.set_weights(fitted.model.get_weights())
    return Fitted(served, fitted.course, recipe)


def pixel_batches(
    images: PixelStore,
    labels: Labels,
    classes: int,
    batch_size: int,
    shuffle_seed: int | None,
    augment: Augment | None = None,
) -> Batches:
    """Of (float32 [b, size, size, 3], float32 [b, classes])."""
    tensorflow = load_tensorflow()
    truth = tensorflow.constant(labels, tensorflow.int64)

    def batch_of(rows: Any) -> Any:
        pixels = tensorflow.numpy_function(images.rows, [rows], tensorflow.uint8)
        pixels = tensorflow.ensure_shape(pixels, (None, *images.shape[1:]))
        return tensorflow.cast(pixels, tensorflow.float32), one_hot(tensorflow.gather(truth, rows), classes)

    return make_batches(images.shape[0], batch_size, shuffle_seed, batch_of, augment)
