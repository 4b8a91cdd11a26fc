"""What every backbone gives to the rest of the room."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowerops.domain.bundle import BackboneInfo

RECIPE = 1
"""Goes up whenever the same name and weights would give other features."""


@dataclass(frozen=True)
class Backbone:
    """A frozen network that turns images into features.

    model: keras.Model, float32 RGB 0..255 [batch, size, size, 3] → float32 features [batch, d]; normalisation inside.
    info: its name and where the weights came from. digest: SHA-256 that stands for the function it computes.
    """

    model: Any
    info: BackboneInfo
    digest: str


def make_backbone(model: Any, info: BackboneInfo) -> Backbone:
    """Freeze a model and compute its digest over name, input size and all weights."""
    model.trainable = False
    digest = hashlib.sha256(f"{RECIPE}\0{info.name}\0{model.input_shape}\0{model.output_shape}".encode())
    for array in model.get_weights():
        digest.update(f"\0{array.shape}\0{array.dtype}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return Backbone(model, info, digest.hexdigest())
