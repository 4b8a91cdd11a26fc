"""The classifier on top of frozen features: one softmax layer, well regularised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowerops.domain.params import TrainParams
from flowerops.ml.batches import Batches, make_batches
from flowerops.ml.feature_cache import Features
from flowerops.ml.learning import Fitted, Labels, Recipe, class_weights, fit_model
from flowerops.ml.listener import Listener
from flowerops.ml.runtime import load_tensorflow

LEARNING_RATE = 3e-3
DROPOUT = 0.2
_WEIGHT_DECAY = 1e-2


@dataclass(frozen=True)
class Examples:
    """features: float32 [n, d]. labels: int64 [n]."""

    features: Features
    labels: Labels


def fit_head(train: Examples, val: Examples, classes: int, params: TrainParams, listener: Listener) -> Fitted:
    """Train multinomial logistic regression with dropout and an L2 penalty (`params.weight_decay`) by Adam.

    Returns:
        A model float32 [batch, d] → probabilities [batch, classes].
    """
    recipe = Recipe(
        batch_size=params.batch_size or _batch_size(len(train.labels)),
        learning_rate=params.learning_rate or LEARNING_RATE,
        class_weight=class_weights(train.labels, classes) if params.class_weights else None,
    )
    model = _build(
        train.features.shape[1], classes, _WEIGHT_DECAY if params.weight_decay is None else params.weight_decay
    )
    batches = _batches(train, recipe.batch_size, params.seed), _batches(val, recipe.batch_size, None)
    return fit_model(model, *batches, params, recipe, listener)


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
    return Sequential([Input((width,), name="features"), layers.Dropout(DROPOUT), classifier], name="head")


def _batches(examples: Examples, batch_size: int, shuffle_seed: int | None) -> Batches:
    """Of (float32 [b, d], int64 [b])."""
    tensorflow = load_tensorflow()
    features, labels = tensorflow.constant(examples.features), tensorflow.constant(examples.labels)

    def batch_of(rows: Any) -> Any:
        return tensorflow.gather(features, rows), tensorflow.gather(labels, rows)

    return make_batches(len(examples.labels), batch_size, shuffle_seed, batch_of)
