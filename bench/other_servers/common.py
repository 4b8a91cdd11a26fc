"""Decode a photo as a user would, and load the model of a bundle. Runs in environments without flowerops."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
MODEL_DIR = Path(os.environ.get("MODEL_DIR", "."))
INFO = json.loads((MODEL_DIR / "bundle.json").read_text()) if (MODEL_DIR / "bundle.json").exists() else {}
LABELS: list[str] = INFO.get("labels", [])
SIZE: int = INFO.get("geometry", {}).get("size", 224)


def pixels_of(data: bytes) -> Any:
    """float32 RGB [1, SIZE, SIZE, 3], letterboxed on white."""
    image = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
    square = ImageOps.pad(image, (SIZE, SIZE), color=(255, 255, 255))
    return np.asarray(square, np.float32)[None]


def answer_of(probabilities: Any) -> dict[str, Any]:
    """Label and probabilities."""
    shares = [float(share) for share in probabilities]
    return {"label": LABELS[int(np.argmax(shares))], "probabilities": dict(zip(LABELS, shares, strict=True))}


class KerasModel:
    """model.keras in TensorFlow, compiled to a graph at the first call."""

    def __init__(self) -> None:
        import keras

        self._model = keras.models.load_model(MODEL_DIR / "model.keras")
        self(np.zeros((1, SIZE, SIZE, 3), np.float32))

    def __call__(self, pixels: Any) -> Any:
        """Probabilities of one image."""
        return self._model.predict_on_batch(pixels)[0]


class LiteRtModel:
    """model.tflite with one thread."""

    def __init__(self) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(MODEL_DIR / "model.tflite"), num_threads=1)
        self._interpreter.allocate_tensors()
        self._in = self._interpreter.get_input_details()[0]["index"]
        self._out = self._interpreter.get_output_details()[0]["index"]

    def __call__(self, pixels: Any) -> Any:
        """Probabilities of one image."""
        self._interpreter.set_tensor(self._in, pixels)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._out)[0]
