"""What a block is, and what learns when some of them do."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flowerops.errors import UsageError
from flowerops.ml.backbones import efficientnet_lite0
from flowerops.ml.backbones.base import Backbone
from flowerops.ml.blocks import blocks_of, learning_layers, unfreeze


@pytest.fixture(scope="module")
def lite() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, efficientnet_lite0._network(keras.layers, inputs))
    model.trainable = False
    return model


def applications(name: str) -> keras.Model:
    """As a backbone has it: inside another network."""
    inputs = keras.Input((32, 32, 3))
    network = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(32, 32, 3))
    return keras.Model(inputs, network(inputs, training=False))


def test_the_default_backbone_has_its_sixteen_blocks(lite: keras.Model) -> None:
    blocks = blocks_of(lite)
    assert len(blocks) == 16
    assert blocks[0][0].name == "conv_stem"
    assert blocks[-1][-1].name == "bn1"


@pytest.mark.parametrize(("name", "count"), [("MobileNetV2", 17), ("VGG16", 5)])
def test_blocks_of_keras_applications_go_by_their_names(name: str, count: int) -> None:
    assert len(blocks_of(applications(name))) == count


def test_where_names_tell_of_no_blocks_each_convolution_begins_one() -> None:
    blocks = blocks_of(applications("MobileNet"))
    assert len(blocks) == 27
    assert [layer.name for layer in blocks[-1]] == ["conv_pw_13", "conv_pw_13_bn"]


def test_only_the_last_blocks_learn_and_no_batch_normalisation(lite: keras.Model) -> None:
    unfreeze(lite, learning_layers(lite, 2, "lite"))
    learning = {weight.path.split("/")[0] for weight in lite.trainable_weights}
    assert learning == {
        *("blocks_14_expand_conv", "blocks_14_depthwise_conv", "blocks_14_project_conv"),
        *("blocks_15_expand_conv", "blocks_15_depthwise_conv", "blocks_15_project_conv", "conv_head"),
    }
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(lite(images, training=True), lite(images, training=False), atol=1e-6)


def test_all_means_all(lite: keras.Model) -> None:
    assert len(learning_layers(lite, -1, "lite")) == len(learning_layers(lite, 16, "lite")) == 49
    assert learning_layers(lite, 0, "lite") == []


def test_more_blocks_than_there_are_is_an_error(backbone: Backbone) -> None:
    with pytest.raises(UsageError, match="--fine-tune 3: tiny has 2 blocks"):
        learning_layers(backbone.model, 3, "tiny")
