"""What a device can do at most: forward and backward passes over images that lie on it, for each of Keras' backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

Pass = Callable[[], Any]


def on_device(array: Any) -> Any:
    return keras.ops.convert_to_tensor(array)


def wait_for(answer: Any) -> None:
    """Devices work in the order of the calls: the last answer is there when all are."""
    keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.cast(answer, "float32")))


def forward(model: Any, images: Any, *, xla: bool) -> Pass:
    """The features of a batch, again and again."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        compute = tf.function(lambda batch: model(batch, training=False), jit_compile=xla, autograph=False)
        return lambda: compute(images)
    if backend == "jax":
        import jax

        state = [[v.value for v in part] for part in (model.trainable_variables, model.non_trainable_variables)]
        compiled = jax.jit(lambda trainable, fixed, batch: model.stateless_call(trainable, fixed, batch)[0])
        return lambda: compiled(*state, images)
    import torch

    def plain() -> Any:
        with torch.no_grad():
            return model(images, training=False)

    return plain


def backward(model: Any, images: Any, labels: Any, *, xla: bool) -> Pass:
    """The loss of a batch and its gradients for all trainable weights; what is returned depends on all of them."""
    backend = keras.backend.backend()
    loss_of = keras.losses.CategoricalCrossentropy()
    if backend == "tensorflow":
        import tensorflow as tf

        variables = [variable.value for variable in model.trainable_variables]

        def gradients() -> Any:
            with tf.GradientTape() as tape:
                loss = loss_of(labels, model(images, training=True))
            return _digest(tape.gradient(loss, variables))

        return tf.function(gradients, jit_compile=xla, autograph=False)  # type: ignore[no-any-return]
    if backend == "jax":
        import jax

        trainable = [variable.value for variable in model.trainable_variables]
        fixed = [variable.value for variable in model.non_trainable_variables]

        def loss(weights: Any, batch: Any, truth: Any) -> Any:
            return loss_of(truth, model.stateless_call(weights, fixed, batch, training=True)[0])

        compiled = jax.jit(lambda weights, batch, truth: _digest(jax.grad(loss)(weights, batch, truth)))
        return lambda: compiled(trainable, images, labels)

    def plain() -> Any:
        model.zero_grad()
        loss_of(labels, model(images, training=True)).backward()
        return _digest([variable.value.grad for variable in model.trainable_variables])

    return plain


def _digest(gradients: Any) -> Any:
    return sum(keras.ops.sum(keras.ops.cast(part, "float32")) for part in gradients)
