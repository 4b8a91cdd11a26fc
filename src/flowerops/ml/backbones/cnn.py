"""The small convolutional net of the predecessor, trained from scratch."""

from __future__ import annotations

from typing import Any

from flowerops.errors import BadInputError
from flowerops.ml.runtime import load_tensorflow

NAME = "cnn"
BATCH_SIZE = 30
LEARNING_RATE = 1e-3
MIN_SIZE = 43
"""Smaller images have no pixel left after three convolutions without padding."""

_FILTERS = (24, 48, 96)
_KERNEL = 6
_DROPOUT = 0.5


def build(image_size: int, classes: int, *, dropout: bool = True) -> Any:
    """Assemble the untrained net.

    Args:
        image_size: Side of the square input in pixels, at least MIN_SIZE.
        classes: Number of labels.
        dropout: Whether it has the layer that matters in training only.

    Returns:
        keras.Model: float32 RGB 0..255 [batch, size, size, 3] → probabilities [batch, classes].

    Raises:
        BadInputError: The images are smaller.
    """
    if image_size < MIN_SIZE:
        raise BadInputError(
            f"the backbone {NAME} needs images of at least {MIN_SIZE} pixels, not {image_size}",
            "Preprocess with a larger --image-size.",
        )
    load_tensorflow()
    from keras import Input, Model, layers

    inputs = Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(1 / 255, name="normalise")(inputs)
    for filters in _FILTERS:
        x = layers.Conv2D(filters, _KERNEL, activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    if dropout:
        x = layers.Dropout(_DROPOUT)(x)
    return Model(inputs, layers.Dense(classes, activation="softmax", name="probabilities")(x), name=NAME)
