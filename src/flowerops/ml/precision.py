"""In which precision a model computes. Its weights are float32 always, and so is the model that is exported."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from flowerops.ml.leaves import leaves

FLOAT32 = "float32"


def policy_of(precision: str) -> str:
    """Keras' name: float16 and bfloat16 are for the arithmetic only."""
    return precision if precision == FLOAT32 else f"mixed_{precision}"


def compute_in(model: Any, precision: str) -> list[tuple[Any, Any]]:
    """Let a model's layers compute in float32, float16 or bfloat16, all but the last one: probabilities need more, and
    so do features.

    Returns:
        The layers and their policies before.
    """
    import keras

    layers = [layer for layer in leaves(model) if not isinstance(layer, keras.layers.InputLayer)][:-1]
    before = [(layer, layer.dtype_policy) for layer in layers]
    for layer in layers:
        layer.dtype_policy = policy_of(precision)
    return before


@contextlib.contextmanager
def computing_in(model: Any, precision: str) -> Iterator[None]:
    """The same, for the block. A model that computes in float32 anyway stays as it is."""
    before = [] if precision == FLOAT32 else compute_in(model, precision)
    try:
        yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy
