"""Batches in an order that only the seed and the epoch decide, so that any epoch can be the first of an attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowerops.ml.augmentation import Augment
from flowerops.ml.runtime import load_tensorflow


@dataclass(frozen=True)
class Batches:
    """dataset: tf.data.Dataset of (inputs, labels). begin_epoch: call it with the epoch, from 0, before each pass."""

    dataset: Any
    begin_epoch: Callable[[int], None] = lambda epoch: None


def make_batches(
    count: int, size: int, seed: int | None, batch_of: Callable[[Any], Any], augment: Augment | None = None
) -> Batches:
    """Batches of so many examples.

    Args:
        count: How many there are.
        size: Of a batch.
        seed: Of their order; None keeps them as they are.
        batch_of: From row numbers, an int64 tensor [b], to (inputs, labels); runs in the graph.
        augment: What is done to a batch then; its key is a number made of seed and epoch, and the step of the epoch.
    """
    tensorflow = load_tensorflow()
    if seed is None:
        rows = tensorflow.data.Dataset.range(count)
        return Batches(rows.batch(size).map(batch_of).prefetch(2))
    order = tensorflow.Variable(np.arange(count), dtype=tensorflow.int64, trainable=False)
    slices = tensorflow.data.Dataset.from_tensor_slices
    # A pass reads the variable at its beginning.
    rows = tensorflow.data.Dataset.from_tensors(0).flat_map(lambda _: slices(order.read_value()))
    rows = rows.apply(tensorflow.data.experimental.assert_cardinality(count))  # Keras wants to know where a pass ends

    chance = tensorflow.Variable(0, dtype=tensorflow.int64, trainable=False)

    def begin_epoch(epoch: int) -> None:
        noise = np.random.default_rng((seed, epoch))
        order.assign(noise.permutation(count))
        chance.assign(noise.integers(2**62))

    def changed(step: Any, rows: Any) -> Any:
        assert augment is not None
        inputs, labels = batch_of(rows)
        return augment(inputs, labels, tensorflow.stack([chance.read_value(), step]))

    batches = rows.batch(size)
    dataset = batches.map(batch_of) if augment is None else batches.enumerate().map(changed)
    return Batches(dataset.prefetch(2), begin_epoch)
