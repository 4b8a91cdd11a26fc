"""The int8 model says nearly the same, takes and gives the same, and comes out the same each time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowerops.errors import FlowerOpsError
from flowerops.ml.backbones import Backbone
from flowerops.ml.litert import open_interpreter, run, to_tflite
from flowerops.ml.quantize import calibration_images, to_int8
from helpers.image_source import coloured

SIZE = 32


@pytest.fixture(scope="module")
def model(backbone: Backbone) -> Any:
    from keras import Model, initializers, layers

    start = initializers.RandomNormal(stddev=1.0, seed=0)
    outputs = layers.Dense(3, activation="softmax", kernel_initializer=start)(backbone.model.output)
    return Model(backbone.model.input, outputs)


@pytest.fixture(scope="module")
def int8(model: Any) -> bytes:
    return to_int8(model, coloured(24, SIZE, 3).images)


def test_it_answers_nearly_as_the_float_model_in_the_same_types(model: Any, int8: bytes) -> None:
    interpreter = open_interpreter(int8)
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (entry["shape"].tolist(), entry["dtype"]) == ([1, SIZE, SIZE, 3], np.float32)
    assert (result["shape"].tolist(), result["dtype"]) == ([1, 3], np.float32)
    images = coloured(12, SIZE, 3, seed=5).images
    expected = run(open_interpreter(to_tflite(model)), images)
    np.testing.assert_allclose(run(interpreter, images), expected, atol=0.05)


def test_weights_and_activations_are_integers(int8: bytes) -> None:
    kinds = {detail["dtype"] for detail in open_interpreter(int8).get_tensor_details() if detail["dtype"] != np.bytes_}
    assert np.int8 in kinds
    floats = [one for one in open_interpreter(int8).get_tensor_details() if one["dtype"] == np.float32]
    assert len(floats) == 2  # what goes in and what comes out


def test_the_same_images_give_the_same_bytes(model: Any, int8: bytes) -> None:
    assert to_int8(model, coloured(24, SIZE, 3).images) == int8


def test_calibration_images_are_spread_and_the_same_each_time() -> None:
    source = coloured(10, 8)
    np.testing.assert_array_equal(calibration_images(source, 4), source.images[[0, 3, 6, 9]])
    np.testing.assert_array_equal(calibration_images(source, 99), source.images)


def test_without_calibration_images_there_is_no_int8_model(model: Any) -> None:
    with pytest.raises(ValueError, match="calibration"):
        to_int8(model, np.empty((0, SIZE, SIZE, 3), np.uint8))


def test_an_operation_without_integers_is_named() -> None:
    from keras import Input, Model, ops

    image = Input((4, 4, 3))
    real, imaginary = ops.fft((image, ops.zeros_like(image)))
    with pytest.raises(FlowerOpsError, match="cannot be quantized"):
        to_int8(Model(image, ops.sqrt(real * real + imaginary * imaginary)), coloured(2, 4).images)
