"""The second phase of training: the backbone's last blocks learn, too, from changed copies of the images."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from flowerops.domain.params import TrainParams
from flowerops.ml.backbones import Backbone
from flowerops.ml.blocks import learning_layers, unfreeze
from flowerops.ml.course import Course, begun_of
from flowerops.ml.learning import Fitted, Recipe, fit_model
from flowerops.ml.listener import Listener
from flowerops.ml.pixel_batches import pixel_batches
from flowerops.ml.schedule import adamw, warm_cosine
from flowerops.ml.source import ImageSource

BATCH_SIZE = 32


def fine_tune(
    backbone: Backbone,
    head: Fitted,
    train: ImageSource,
    val: ImageSource,
    params: TrainParams,
    work_dir: Path,
    *,
    listener: Listener,
) -> Fitted:
    """Go on where the head has come to, with a small learning rate; the result is never worse on the validation split.

    The epochs count on from the head's. When none of the new ones has a lower validation loss, backbone and head
    are as they were before.

    Args:
        backbone: Its last `params.fine_tune` blocks learn, see `blocks.blocks_of`; changed in place.
        head: Fitted to the backbone's features; changed in place.
        train: Images to learn from.
        val: Images that decide when to stop.
        params: How; a step has 32 images where batch_size is unset.
        work_dir: Holds a nameless temporary file where the images are many, see `pixel_store.hold`.
        listener: Hears of the tasks "reading" and "fine-tuning" and of each epoch, see `fit_model`.

    Returns:
        A model from pixels to probabilities that shares its layers with backbone and head; the recipe is the head's.
    """
    import keras

    unfreeze(backbone.model, learning_layers(backbone.model, params.fine_tune, backbone.info.name))
    model = keras.Model(backbone.model.input, head.model(backbone.model.output), name="fine_tuned")
    recipe = _recipe(head.recipe, params, len(train.labels))
    size, classes = backbone.model.input_shape[1], head.model.output_shape[-1]
    course = None
    if listener.found is None or not begun_of(listener.found):
        course = Course(head.course.history, [array.copy() for array in model.get_weights()], head.course.epoch)
        listener = dataclasses.replace(listener, found=None)
    held = pixel_batches(train, val, (size, classes), recipe.batch_size, params, work_dir, progress=listener.progress)
    with listener.interrupted(), held as (learning, held_out):
        fitted = fit_model(model, learning, held_out, params, recipe, listener, course=course)
    return dataclasses.replace(fitted, recipe=head.recipe)


def _recipe(head: Recipe, params: TrainParams, images: int) -> Recipe:
    batch_size = params.batch_size or BATCH_SIZE
    steps = math.ceil(images / batch_size) * params.fine_tune_epochs
    return dataclasses.replace(
        head,
        batch_size=batch_size,
        learning_rate=params.fine_tune_learning_rate,
        epochs=params.fine_tune_epochs,
        make_optimizer=lambda: adamw(warm_cosine(params.fine_tune_learning_rate, steps, params.warm_up), params.ema),
        task="fine-tuning",
    )
