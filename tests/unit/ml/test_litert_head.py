"""A head on a converted backbone gives what a conversion of both gives."""

from __future__ import annotations

import numpy as np
import pytest

from flowerops.ml.backbones import Backbone
from flowerops.ml.litert import open_interpreter, run, to_tflite
from flowerops.ml.litert_head import with_head
from helpers.image_source import coloured


@pytest.mark.parametrize("classes", [2, 7])
def test_the_bits_are_those_of_a_conversion_of_the_whole(backbone: Backbone, classes: int) -> None:
    from keras import Input, Model, Sequential, layers

    width = backbone.model.output_shape[-1]
    head = Sequential([Input((width,)), layers.Dropout(0.2), layers.Dense(classes, activation="softmax")])
    noise = np.random.default_rng(classes)
    kernel, bias = (noise.normal(0, 2, shape).astype(np.float32) for shape in ((width, classes), (classes,)))
    head.layers[-1].set_weights([kernel, bias])
    whole = to_tflite(Model(backbone.model.input, head(backbone.model.output)))
    made = with_head(to_tflite(backbone.model), kernel, bias)
    pixels = coloured(10, backbone.model.input_shape[1]).images
    probabilities = run(open_interpreter(made), pixels)
    np.testing.assert_array_equal(probabilities, run(open_interpreter(whole), pixels))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (
        open_interpreter(made).get_input_details()[0]["name"] == open_interpreter(whole).get_input_details()[0]["name"]
    )
    assert with_head(to_tflite(backbone.model), kernel, bias) == made
