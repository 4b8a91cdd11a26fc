"""Batches in an order that only the seed and the epoch decide, so that any epoch can be the first of an attempt."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowerops.ml.augmentation import Augment
from flowerops.ml.runtime import load_tensorflow


@dataclass(frozen=True)
class Batches:
    """dataset: tf.data.Dataset of (inputs, labels), in `steps` batches. shares: see `_Plan.shared`.

    begin_epoch: call it with the epoch, from 0, before each pass.
    """

    dataset: Any
    steps: int
    shares: Callable[[int, range], Any]
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
    steps = math.ceil(count / size)
    if seed is None:
        rows = tensorflow.data.Dataset.range(count).batch(size)
        plan = _Plan(rows, size, lambda step, rows: batch_of(rows))
        return Batches(rows.map(batch_of).prefetch(2), steps, plan.shared)
    with tensorflow.device("CPU:0"):  # where tf.data looks for it
        order = tensorflow.Variable(np.arange(count), dtype=tensorflow.int64, trainable=False)
        chance = tensorflow.Variable(0, dtype=tensorflow.int64, trainable=False)
    slices = tensorflow.data.Dataset.from_tensor_slices
    # A pass reads the variable at its beginning.
    rows = tensorflow.data.Dataset.from_tensors(0).flat_map(lambda _: slices(order.read_value()))
    rows = rows.apply(tensorflow.data.experimental.assert_cardinality(count))  # Keras wants to know where a pass ends

    def begin_epoch(epoch: int) -> None:
        noise = np.random.default_rng((seed, epoch))
        order.assign(noise.permutation(count))
        chance.assign(noise.integers(2**62))

    def changed(step: Any, rows: Any) -> Any:
        inputs, labels = batch_of(rows)
        return augment(inputs, labels, tensorflow.stack([chance.read_value(), step])) if augment else (inputs, labels)

    batches = rows.batch(size)
    dataset = batches.map(batch_of) if augment is None else batches.enumerate().map(changed)
    return Batches(dataset.prefetch(2), steps, _Plan(batches, size, changed).shared, begin_epoch)


@dataclass(frozen=True)
class _Plan:
    """batches: tf.data.Dataset of row numbers, `size` of them but in the last one. make: (step, rows) → a batch."""

    batches: Any
    size: int
    make: Callable[[Any, Any], Any]

    def shared(self, replicas: int, here: range) -> Any:
        """The batches in equal shares, those of some replicas only.

        Args:
            replicas: How many share each batch.
            here: The numbers of those that are wanted, in a row.

        Returns:
            tf.data.Dataset of (inputs, labels, float32 [k]), for each batch one element a replica, in their order. A
            batch that cannot be shared equally is filled up. The third part is 1 by the number of examples in the
            whole batch, and 0 for what fills it up.
        """
        tensorflow = load_tensorflow()
        each = math.ceil(self.size / replicas)

        def divided(step: Any, rows: Any) -> Any:
            count = tensorflow.size(rows)
            places = tensorflow.reshape(tensorflow.range(replicas * each), (replicas, each))[here.start : here.stop]
            weights = tensorflow.cast(places < count, "float32") / tensorflow.cast(count, "float32")
            numbers = step * replicas + tensorflow.range(here.start, here.stop, dtype="int64")
            parts = (numbers, tensorflow.gather(rows, tensorflow.minimum(places, count - 1)), weights)
            return tensorflow.data.Dataset.from_tensor_slices(parts)

        def made(number: Any, rows: Any, weights: Any) -> Any:
            return (*self.make(number, rows), weights)

        return self.batches.enumerate().flat_map(divided).map(made).prefetch(2 * len(here))
