"""The classifier on top of frozen features: one softmax layer, well regularised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowerops.domain.params import TrainParams
from flowerops.ml.batches import Batches, make_batches
from flowerops.ml.course import Course, begun_of
from flowerops.ml.feature_cache import Features
from flowerops.ml.learning import Fitted, Labels, Recipe, class_weights, fit_model, one_hot
from flowerops.ml.listener import Listener
from flowerops.ml.runtime import load_tensorflow
from flowerops.ml.schedule import averaged_adam
from flowerops.ml.weight_decay import ShortFit, choose_weight_decay

LEARNING_RATE = 3e-3
AVERAGE = 0.9
"""Momentum of the moving average that is judged and kept: the weights themselves jitter around the optimum."""


@dataclass(frozen=True)
class Examples:
    """features: float32 [n, d]. labels: int64 [n]."""

    features: Features
    labels: Labels


def fit_head(train: Examples, val: Examples, classes: int, params: TrainParams, listener: Listener) -> Fitted:
    """Train multinomial logistic regression with an L2 penalty (`params.weight_decay`) by Adam.

    There is no dropout: on frozen features it does what the penalty does, and adds noise to which epoch is the best.

    Returns:
        A model float32 [batch, d] → probabilities [batch, classes]. Where the listener has found a checkpoint of the
        fine-tuning that follows, the model is new and has no epochs: its weights come from there.
    """
    recipe = _recipe(train, val, classes, params)
    model = _build(train.features.shape[1], classes, recipe.weight_decay or 0.0)
    if listener.found and begun_of(listener.found):
        return Fitted(model, Course(), recipe)
    learning = _batches(train, classes, recipe.batch_size, params.seed)
    held_out = _batches(val, classes, recipe.batch_size, None)
    return fit_model(model, learning, held_out, params, recipe, listener)


def _recipe(train: Examples, val: Examples, classes: int, params: TrainParams) -> Recipe:
    batch_size = params.batch_size or _batch_size(len(train.labels))
    learning_rate = params.learning_rate or LEARNING_RATE
    weights = class_weights(train.labels, classes) if params.class_weights else None
    weight_decay = params.weight_decay
    if weight_decay is None:
        how = ShortFit(classes, batch_size, learning_rate, params.label_smoothing, weights, params.seed)
        weight_decay = choose_weight_decay((train.features, train.labels), (val.features, val.labels), how)
    return Recipe(
        batch_size,
        learning_rate,
        weights,
        params.label_smoothing,
        weight_decay,
        make_optimizer=lambda: averaged_adam(learning_rate, AVERAGE),
    )


def _batch_size(images: int) -> int:
    """Large batches are quick, but small data needs some steps an epoch too."""
    return min(256, max(16, images // 6))


def _build(width: int, classes: int, penalty: float) -> Any:
    from keras import Input, Sequential, layers, regularizers

    classifier = layers.Dense(
        classes,
        activation="softmax",
        kernel_initializer="zeros",  # the problem is convex: no symmetry to break, and nothing is left to chance
        kernel_regularizer=regularizers.L2(penalty),
        name="probabilities",
    )
    return Sequential([Input((width,), name="features"), classifier], name="head")


def _batches(examples: Examples, classes: int, batch_size: int, shuffle_seed: int | None) -> Batches:
    """Of (float32 [b, d], float32 [b, classes])."""
    tensorflow = load_tensorflow()
    labels, width = tensorflow.constant(examples.labels), examples.features.shape[1]

    def batch_of(rows: Any) -> Any:
        # Taken out of the array itself: as a constant of TensorFlow all of them would be in memory twice.
        features = tensorflow.numpy_function(lambda chosen: examples.features[chosen], [rows], tensorflow.float32)
        features = tensorflow.ensure_shape(features, (None, width))
        return features, one_hot(tensorflow.gather(labels, rows), classes)

    return make_batches(len(examples.labels), batch_size, shuffle_seed, batch_of)
