"""The SavedModel form of a model, for TF Serving.

Run as a program: `python -m flowerops.ml.saved_model MODEL.keras FOLDER`. TensorFlow numbers the functions that it
traces and writes the numbers down; in a process of its own the same model gives the same bytes, whatever was trained,
resumed or tuned before.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.errors import FlowerOpsError
from flowerops.ml.apart import run_apart
from flowerops.ml.export import MAX_DIFFERENCE, load_model
from flowerops.ml.runtime import load_tensorflow
from flowerops.ml.source import Pixels

SIGNATURE = "serving_default"
INPUT, OUTPUT = "image", "probabilities"
_UNUSED = ("fingerprint.pb", "assets")
"""A random number that nothing reads, and a folder that is empty."""


def write_saved_model(keras_file: Path, folder: Path, sample_pixels: Pixels) -> None:
    """Write a SavedModel and prove that it answers as the Keras file does.

    Its signature `serving_default` takes `image`, uint8 RGB 0..255 [batch, size, size, 3], and gives `probabilities`,
    float32 [batch, classes].

    Args:
        keras_file: The exported `.keras` file.
        folder: Made by this.
        sample_pixels: At least one image, uint8 RGB [n, size, size, 3].

    Raises:
        FlowerOpsError: It could not be written, or the two differ by more than MAX_DIFFERENCE in a probability.
    """
    run_apart(
        "flowerops.ml.saved_model",
        keras_file,
        folder,
        what="the SavedModel could not be written",
        hint="Train without --saved-model.",
    )
    expected = load_model(keras_file).predict_on_batch(sample_pixels.astype(np.float32))
    got = answers(folder, sample_pixels)
    difference = float(np.abs(expected - got).max())
    if not difference <= MAX_DIFFERENCE:  # also true for a NaN
        raise FlowerOpsError(
            f"{folder.name} and {keras_file.name} differ by {difference:.2g} in a probability; "
            f"allowed is {MAX_DIFFERENCE}",
            "Train without --saved-model, or choose another --backbone.",
        )


def answers(folder: Path, pixels: Pixels) -> Any:
    """What a SavedModel of ours answers: uint8 RGB [n, size, size, 3] → float32 [n, classes]."""
    tensorflow = load_tensorflow()
    signature = tensorflow.saved_model.load(str(folder)).signatures[SIGNATURE]
    return signature(**{INPUT: tensorflow.constant(pixels)})[OUTPUT].numpy()


def _write(keras_file: Path, folder: Path) -> None:
    import shutil

    tensorflow = load_tensorflow()
    model = load_model(keras_file)
    shape = [None, *model.input_shape[1:]]
    signature = [tensorflow.TensorSpec(shape, tensorflow.uint8, name=INPUT)]

    def serve(image: Any) -> dict[str, Any]:
        return {OUTPUT: model(tensorflow.cast(image, tensorflow.float32), training=False)}

    module = tensorflow.Module()
    module.model = model
    module.serve = tensorflow.function(serve, input_signature=signature, autograph=False)
    tensorflow.saved_model.save(module, str(folder), signatures={SIGNATURE: module.serve})
    for name in _UNUSED:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), Path(sys.argv[2]))
