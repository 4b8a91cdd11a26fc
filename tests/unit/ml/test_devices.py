"""Precision and devices: what is chosen, and that a model in 16 bits stays one of float32."""

from __future__ import annotations

import numpy as np
import pytest

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.workers import ALONE
from flowerops.errors import UsageError
from flowerops.ml.backbones import Backbone
from flowerops.ml.devices import Devices, automatic_precision, choose_devices, using
from flowerops.ml.end_to_end import fit_cnn
from flowerops.ml.engines import on_gpus
from flowerops.ml.export import export
from flowerops.ml.listener import Listener
from flowerops.ml.precision import computing_in
from helpers.image_source import coloured


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ([], ("float32", "float32")),
        ([(6, 1)], ("float32", "float32")),
        ([(7, 5)], ("float16", "float16")),
        ([(9, 0), (8, 0)], ("bfloat16", "float16")),
        ([(9, 0), (7, 0)], ("float16", "float16")),
    ],
)
def test_the_oldest_gpu_decides_on_the_precision(found, chosen):
    assert automatic_precision(found) == chosen


def test_a_gpu_that_is_required_and_absent_is_an_error_with_advice():
    with pytest.raises(UsageError, match="TensorFlow sees none") as caught:
        choose_devices(TrainParams(require_gpu=True), ALONE)
    assert "doctor --gpu" in str(caught.value.hint)


def test_on_a_cpu_nothing_is_chosen_unasked():
    assert choose_devices(TrainParams(), ALONE) == Devices()


def test_layers_compute_in_16_bits_for_the_block_only(backbone: Backbone):
    images = coloured(4, 32).images.astype(np.float32)
    exact = backbone.model(images).numpy()
    with computing_in(backbone.model, "bfloat16"):
        rough = backbone.model(images).numpy()
        assert {layer.compute_dtype for layer in backbone.model.layers[1:-1]} == {"bfloat16"}
    assert rough.dtype == "float32"
    assert 0 < np.abs(rough - exact).max() < 0.02 * np.abs(exact).max()
    np.testing.assert_array_equal(backbone.model(images).numpy(), exact)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_model_that_learnt_in_16_bits_is_exported_in_float32(precision, tmp_path):
    learn, held_out = coloured(60, 48, 3, seed=1), coloured(24, 48, 3, seed=2)
    params = TrainParams(backbone="cnn", epochs=2, batch_size=20)
    with using(Devices(precision=precision)):
        fitted = fit_cnn(
            learn, held_out, 3, 48, params, tmp_path, listener=Listener(SilentProgress(), lambda epoch, metrics: None)
        )
    assert fitted.metrics["val_accuracy"] > 0.8
    assert {str(weight.dtype) for weight in fitted.model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in fitted.model.layers} == {"float32"}
    export(fitted.model, tmp_path, held_out.images[:4])  # raises where the two files differ


def test_the_engine_of_gpus_gives_the_backbones_features(backbone: Backbone):
    images = coloured(70, 32).images
    engine = on_gpus(backbone, ["CPU:0"], "float32", xla=False)
    found = np.concatenate([engine.infer(images[at : at + engine.slice]) for at in range(0, 70, engine.slice)])
    np.testing.assert_allclose(found, backbone.model.predict_on_batch(images.astype(np.float32)), atol=1e-5)
    assert on_gpus(backbone, ["CPU:0"], "float16", xla=False).name != engine.name
