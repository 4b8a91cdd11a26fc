"""Train the predecessor's small net from scratch, on pixels."""

from __future__ import annotations

from pathlib import Path

from flowerops.domain.params import TrainParams
from flowerops.ml.backbones import cnn
from flowerops.ml.learning import Fitted, Recipe, class_weights, fit_model
from flowerops.ml.listener import Listener
from flowerops.ml.pixel_batches import pixel_batches
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
    held = pixel_batches(
        train, val, (image_size, classes), recipe.batch_size, params, work_dir, progress=listener.progress
    )
    with held as (learning, held_out):
        fitted = fit_model(model, learning, held_out, params, recipe, listener)
    served = cnn.build(image_size, classes, dropout=False)
    served.set_weights(fitted.model.get_weights())
    return Fitted(served, fitted.course, recipe)
