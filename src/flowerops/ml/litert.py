"""Keras to LiteRT, and running the result."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.errors import FlowerOpsError, first_line
from flowerops.io.quiet import quiet_native_code
from flowerops.ml.runtime import load_interpreter, load_tensorflow
from flowerops.ml.source import Pixels


def to_tflite(model: Any) -> bytes:
    """Convert a Keras model to a float LiteRT model for one image at a time.

    Args:
        model: keras.Model with one float32 input [batch, size, size, 3].

    Returns:
        The flatbuffer; input float32 [1, size, size, 3], output as the model's with a batch of 1.

    Raises:
        FlowerOpsError: The model uses an operation that LiteRT does not have.
    """
    converter = converter_of(model)
    try:
        with quiet_native_code():
            return bytes(converter.convert())
    except Exception as error:  # the converter raises ConverterError, ValueError and RuntimeError
        raise FlowerOpsError(
            f"{model.name} cannot be converted to LiteRT: {first_line(error)}",
            "It uses an operation that LiteRT does not have: choose another --backbone.",
        ) from error


def converter_of(model: Any) -> Any:
    """TensorFlow's converter to LiteRT for a Keras model that takes one float32 image [1, size, size, 3]."""
    tensorflow = load_tensorflow()
    signature = tensorflow.TensorSpec([1, *model.input_shape[1:]], tensorflow.float32, name="image")
    function = tensorflow.function(lambda image: model(image, training=False), autograph=False)
    # Without the model as second argument the converter freezes the function in memory; with it, or through
    # from_keras_model, it writes and reads a SavedModel first, which takes four times as long.
    return tensorflow.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function(signature)])


def open_interpreter(flatbuffer: bytes, threads: int = 1) -> Any:
    """A LiteRT interpreter with its tensors allocated; use it from one thread at a time."""
    interpreter_class = load_interpreter()
    with quiet_native_code():
        interpreter = interpreter_class(model_content=flatbuffer, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


def run(interpreter: Any, pixels: Pixels) -> npt.NDArray[np.float32]:
    """Run images one by one: uint8 or float32 RGB 0..255 [n, size, size, 3] → float32 [n, d].

    The bits of a result depend neither on the other images nor on the number of threads.
    """
    entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = np.empty((len(pixels), result["shape"][-1]), np.float32)
    for row, image in enumerate(pixels):
        interpreter.set_tensor(entry["index"], image[np.newaxis].astype(np.float32))
        interpreter.invoke()
        outputs[row] = interpreter.get_tensor(result["index"])[0]
    return outputs
