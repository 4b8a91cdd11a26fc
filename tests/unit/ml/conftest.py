"""A backbone that is made in a moment."""

from __future__ import annotations

import pytest

from flowerops.domain.bundle import BackboneInfo
from flowerops.ml.backbones import Backbone
from flowerops.ml.backbones.base import make_backbone
from flowerops.ml.runtime import configure

TINY_SIZE = 32


def _tiny_backbone(seed: int) -> Backbone:
    configure(seed, threads=2)
    from keras import Input, Model, layers

    inputs = Input((TINY_SIZE, TINY_SIZE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    outputs = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3, activation="relu")(x))
    return make_backbone(Model(inputs, outputs), BackboneInfo(name="tiny", weights_source="test"))


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    return _tiny_backbone(1)


@pytest.fixture(scope="session")
def other_backbone() -> Backbone:
    return _tiny_backbone(2)
