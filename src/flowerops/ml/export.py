"""Write a trained model for Keras and for LiteRT, and prove that both say the same."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.domain.bundle import KERAS_FILE, TFLITE_FILE
from flowerops.errors import FlowerOpsError
from flowerops.io.keras_archive import WEIGHTS, check_keras_archive
from flowerops.ml.backbones.weight_files import refuse_unsafe_hdf5
from flowerops.ml.keras_file import save
from flowerops.ml.litert import open_interpreter, run, to_tflite
from flowerops.ml.runtime import load_tensorflow
from flowerops.ml.source import Pixels

MAX_DIFFERENCE = 1e-4


def export(model: Any, folder: Path, sample_pixels: Pixels, flatbuffer: bytes | None = None) -> float:
    """Write `model.keras` and `model.tflite` into a folder and compare them on sample images.

    The Keras file is loaded again in safe mode and the loaded model is compared, so what is proven holds for the files.

    Args:
        model: keras.Model, float32 RGB 0..255 [batch, size, size, 3] → probabilities [batch, classes].
        folder: An existing folder that nobody reads yet (see io.atomic.publish_folder).
        sample_pixels: At least one image, uint8 RGB, [n, size, size, 3].
        flatbuffer: The same model for LiteRT, where it is there already; None to convert it.

    Returns:
        The largest difference of a probability.

    Raises:
        FlowerOpsError: The two differ by more than MAX_DIFFERENCE.
    """
    if not len(sample_pixels):
        raise ValueError("export needs at least one sample image")
    keras_file, tflite_file = folder / KERAS_FILE, folder / TFLITE_FILE
    save(model, keras_file)
    tflite_file.write_bytes(flatbuffer or to_tflite(model))
    expected = _answers(load_model(keras_file), sample_pixels)
    got = run(open_interpreter(tflite_file.read_bytes()), sample_pixels)
    difference = float(np.abs(expected - got).max())
    if not difference <= MAX_DIFFERENCE:  # also true for a NaN
        raise FlowerOpsError(
            f"{TFLITE_FILE} and {KERAS_FILE} differ by {difference:.2g} in a probability; allowed is {MAX_DIFFERENCE}",
            "The network uses an operation that LiteRT computes differently: choose another --backbone.",
        )
    return difference


def _answers(model: Any, pixels: Pixels) -> Any:
    """One image after the other, as they are served: Keras keeps what every layer gives until the last one is done.

    The model is called as it is: `predict_on_batch` would first trace a graph, which takes longer than a few images.
    """
    import keras

    answers = [model(image[np.newaxis].astype(np.float32), training=False) for image in pixels]
    return np.concatenate([keras.ops.convert_to_numpy(answer) for answer in answers])


def load_model(path: Path) -> Any:
    """Load a `.keras` file in safe mode, after a look at what is in it.

    Raises:
        BadInputError: It is more than a plain network, see `io.keras_archive`, or its weights lie in other files.
    """
    check_keras_archive(path)
    with zipfile.ZipFile(path) as archive, archive.open(WEIGHTS) as weights:
        refuse_unsafe_hdf5(weights, f"{path.name}: {WEIGHTS}", archive.getinfo(WEIGHTS).file_size)
    load_tensorflow()
    import keras

    return keras.models.load_model(path, compile=False, safe_mode=True)
