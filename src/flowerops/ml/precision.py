"""In which precision a model computes. Its weights are float32 always, and so is the model that is exported."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

FLOAT32 = "float32"


def policy_of(precision: str) -> str:
    """Keras' name: float16 and bfloat16 are for the arithmetic only."""
    return precision if precision == FLOAT32 else f"mixed_{precision}"


@contextlib.contextmanager
def computing_in(model: Any, precision: str) -> Iterator[None]:
    """Let a model's layers compute in 16 bits in the block, all but the last one: probabilities need more.

    Args:
        model: keras.Model, the layers of which compute in float32.
        precision: float32, float16 or bfloat16.
    """
    if precision == FLOAT32:
        yield
        return
    import keras

    layers = [layer for layer in _leaves(model) if not isinstance(layer, keras.layers.InputLayer)][:-1]
    before = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = policy_of(precision)
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy


def _leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer
