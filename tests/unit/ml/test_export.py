"""What is exported is one function in two formats, and safe to load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowerops.errors import FlowerOpsError
from flowerops.ml import export as export_module
from flowerops.ml.backbones import Backbone
from flowerops.ml.export import export, load_model
from flowerops.ml.litert import open_interpreter, run, to_tflite
from helpers.image_source import coloured

SIZE = 32


def classifier(backbone: Backbone, seed: int = 0) -> Any:
    from keras import Model, initializers, layers

    start = initializers.RandomNormal(stddev=1.0, seed=seed)
    outputs = layers.Dense(3, activation="softmax", kernel_initializer=start)(backbone.model.output)
    return Model(backbone.model.input, outputs)


def test_both_files_answer_as_the_model_does(backbone: Backbone, tmp_path: Path) -> None:
    model, images = classifier(backbone), coloured(6, SIZE).images
    difference = export(model, tmp_path, images)
    expected = model.predict_on_batch(images.astype(np.float32))
    interpreter = open_interpreter((tmp_path / "model.tflite").read_bytes())
    np.testing.assert_allclose(run(interpreter, images), expected, atol=1e-4)
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(images.astype(np.float32)), expected, atol=1e-6)
    assert difference <= 1e-4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "model.tflite"]


def test_the_litert_model_takes_one_float_image(backbone: Backbone) -> None:
    interpreter = open_interpreter(to_tflite(classifier(backbone)))
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (entry["shape"].tolist(), entry["dtype"]) == ([1, SIZE, SIZE, 3], np.float32)
    assert (result["shape"].tolist(), result["dtype"]) == ([1, 3], np.float32)


def test_an_operation_that_litert_does_not_have_is_named_without_a_traceback() -> None:
    from keras import Input, Model, ops

    image = Input((4, 4, 3))
    real, imaginary = ops.fft((image, ops.zeros_like(image)))
    with pytest.raises(FlowerOpsError, match="cannot be converted to LiteRT"):
        to_tflite(Model(image, ops.sqrt(real * real + imaginary * imaginary)))


def test_files_that_disagree_are_not_accepted(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = to_tflite(classifier(backbone, seed=1))
    monkeypatch.setattr(export_module, "to_tflite", lambda model: other)
    with pytest.raises(FlowerOpsError, match="differ by"):
        export(classifier(backbone), tmp_path, coloured(4, SIZE).images)


def test_without_a_sample_image_nothing_is_proven(backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sample image"):
        export(classifier(backbone), tmp_path, np.empty((0, SIZE, SIZE, 3), np.uint8))
