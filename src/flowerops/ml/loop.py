"""Epochs of training over several devices, step by step through `strategy.run`.

`model.fit` fails under MultiWorkerMirroredStrategy in Keras 3 (keras-team/keras issue 20585), and would count the
last batch's examples otherwise on several devices than on one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flowerops.ml.batches import Batches
from flowerops.ml.replicas import Replicas
from flowerops.ml.runtime import load_tensorflow


class Loop:
    """Trains a compiled model over all replicas.

    A global batch is shared out in order. The loss is divided by its number of examples, as Keras does on one device;
    where shares are unequal, examples without weight fill them up.
    """

    def __init__(self, model: Any, replicas: Replicas, class_weight: dict[int, float] | None, *, xla: bool) -> None:
        """Args:
        model: Compiled and built under the strategy; ends in a softmax.
        replicas: The devices.
        class_weight: Weight of each class in the training loss.
        xla: Compile the steps.
        """
        self._model = model
        self._replicas = replicas
        classes = model.output_shape[-1]
        weights = class_weight or {}
        self._class_weight = np.array([weights.get(label, 1.0) for label in range(classes)], np.float32)
        tensorflow = load_tensorflow()
        # Not with XLA as a whole: collectives between workers are no part of a compiled program.
        self._learn = tensorflow.function(lambda batch: replicas.strategy.run(self._learning_step, args=batch))
        self._judge = tensorflow.function(lambda batch: replicas.strategy.run(self._judging_step, args=batch))
        self._gradients = tensorflow.function(self._loss_and_gradients, jit_compile=xla)

    def run(self, train: Batches, val: Batches, begin_val: Callable[[], None]) -> dict[str, float]:
        """One epoch.

        Args:
            train: What to learn from; its order is that of the epoch already.
            val: What to judge by.
            begin_val: Called when learning is over.

        Returns:
            loss, accuracy, val_loss, val_accuracy: means over all examples of all workers.
        """
        learning = self._mean(self._learn, train)
        begin_val()
        judged = self._mean(self._judge, val)
        return {**learning, **{f"val_{name}": value for name, value in judged.items()}}

    def _mean(self, step: Callable[..., Any], batches: Batches) -> dict[str, float]:
        strategy, here = self._replicas.strategy, self._replicas.here
        shared = strategy.distribute_datasets_from_function(lambda _: batches.shares(self._replicas.count, here))
        found = []
        steps = iter(shared)
        for _ in range(batches.steps):
            found.extend(strategy.experimental_local_results(step(next(steps))))
        local = np.sum([np.array(sums, np.float64) for sums in found], axis=0)
        # Sums of a few thousand examples: float32 is exact enough to agree on, and every worker gets the same bits.
        loss, right, count = self._replicas.total(local.astype(np.float32)).tolist()
        return {"loss": loss / count, "accuracy": right / count}

    def _learning_step(self, inputs: Any, labels: Any, shares: Any) -> Any:
        keras = _keras()
        model, optimizer = self._model, self._model.optimizer
        gradients, sums = self._gradients(inputs, labels, shares)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            # It looks for infinities on one replica only: let all see the sum, which it then forms of equal parts.
            context = load_tensorflow().distribute.get_replica_context()
            gradients = context.all_reduce("SUM", gradients)
            gradients = [gradient / self._replicas.count for gradient in gradients]
        optimizer.apply(gradients, model.trainable_variables)
        return sums

    def _loss_and_gradients(self, inputs: Any, labels: Any, shares: Any) -> tuple[Any, Any]:
        tensorflow, keras = load_tensorflow(), _keras()
        model, optimizer = self._model, self._model.optimizer
        weights = tensorflow.gather(self._class_weight, keras.ops.argmax(labels, axis=-1))
        with tensorflow.GradientTape() as tape:
            answers = model(inputs, training=True)
            penalties = sum(model.losses) / self._replicas.count  # every replica has the same
            loss = keras.ops.sum(model.loss.call(labels, answers) * weights * shares) + penalties
            scaled = optimizer.scale_loss(loss)
        variables = [variable.value for variable in model.trainable_variables]
        return tape.gradient(scaled, variables), _sums(labels, answers, shares)

    def _judging_step(self, inputs: Any, labels: Any, shares: Any) -> Any:
        return _sums(labels, self._model(inputs, training=False), shares)


def _sums(labels: Any, answers: Any, shares: Any) -> Any:
    """float32 [3]: cross-entropies in nats, right answers and examples, each summed up; fillers do not count."""
    keras = _keras()
    real = keras.ops.cast(shares > 0, "float32")
    losses = keras.losses.categorical_crossentropy(labels, answers)
    right = keras.ops.equal(keras.ops.argmax(labels, axis=-1), keras.ops.argmax(answers, axis=-1))
    return keras.ops.stack([keras.ops.sum(losses * real), keras.ops.sum(keras.ops.cast(right, "float32") * real),
                            keras.ops.sum(real)])  # fmt: skip


def _keras() -> Any:
    import keras

    return keras
