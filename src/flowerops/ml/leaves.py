"""The layers that a network is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def leaves(model: Any) -> Iterator[Any]:
    """Every layer of a Keras model that holds no other layers, in order."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer
