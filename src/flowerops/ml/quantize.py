"""The int8 form of a model: a quarter of the size, and faster where the processor has 8-bit arithmetic."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from flowerops.errors import FlowerOpsError, first_line
from flowerops.io.quiet import quiet_native_code
from flowerops.ml.litert import converter_of
from flowerops.ml.runtime import load_tensorflow
from flowerops.ml.source import ImageSource, Pixels

CALIBRATION_IMAGES = 128
"""The ranges of the activations settle after about a hundred images; the LiteRT guide asks for 100 to 500."""


def calibration_images(source: ImageSource, most: int = CALIBRATION_IMAGES) -> Pixels:
    """Images to measure the activations' ranges on, spread evenly over the source, the same ones each time.

    Returns:
        uint8 RGB [k, size, size, 3] with k up to `most`.
    """
    count = len(source.keys)
    return source.pixels(np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist())


def to_int8(model: Any, calibration: Pixels) -> bytes:
    """Convert a Keras model to a LiteRT model whose weights and activations are 8-bit integers.

    Post-training quantization of B. Jacob et al. 2018 (arXiv:1712.05877) as LiteRT does it: weights by channel, ranges
    of activations from the calibration images. Input and output stay float32, so that whoever runs the float model can
    run this one; LiteRT converts them inside. The same model and images give the same bytes.

    Args:
        model: keras.Model with one float32 input [batch, size, size, 3], RGB 0..255.
        calibration: At least one image, uint8 RGB [n, size, size, 3].

    Raises:
        FlowerOpsError: The model has an operation without an 8-bit form.
    """
    if not len(calibration):
        raise ValueError("quantization needs at least one calibration image")
    tensorflow = load_tensorflow()
    converter = converter_of(model)
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(calibration)
    converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        with quiet_native_code(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that input and output are float32 although the rest is not
            return bytes(converter.convert())
    except Exception as error:  # the converter raises ConverterError, ValueError and RuntimeError
        raise FlowerOpsError(
            f"{model.name} cannot be quantized: {first_line(error)}",
            "It has an operation without an 8-bit form: train without --quantize, or choose another --backbone.",
        ) from error


def _one_by_one(images: Pixels) -> Iterator[list[Any]]:
    for image in images:
        yield [image[np.newaxis].astype(np.float32)]
