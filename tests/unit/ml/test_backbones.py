"""Backbones are found by name, get the right weights, and take RGB 0..255 whatever they were trained on."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, RemoteError, UsageError
from flowerops.io.hashing import sha256_file
from flowerops.ml.backbones import NAMES, Backbone, applications, check_name, open_backbone
from flowerops.ml.backbones.weight_files import refuse_unsafe_hdf5
from flowerops.ml.runtime import load_tensorflow

NETWORK, SIZE = "MobileNetV3Small", 32


@pytest.fixture(scope="module")
def network() -> Any:
    load_tensorflow()
    import keras

    return keras.applications.MobileNetV3Small(
        weights=None, include_top=False, pooling="avg", input_shape=(SIZE, SIZE, 3)
    )


@pytest.fixture(scope="module")
def weights(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    network.save_weights(path)
    return path


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    load_tensorflow()
    from keras.src.backend import config

    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
    return tmp_path


def open_network(path: Path | None) -> Backbone:
    return open_backbone(NETWORK, SIZE, str(path) if path else None, SilentProgress())


@pytest.mark.parametrize(
    ("name", "meant"), [("MobilNetV2", "MobileNetV2"), ("efficientnetlite0", "efficientnet_lite0"), ("CNN", "cnn")]
)
def test_a_misspelt_backbone_is_answered_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(BadInputError, match=name) as caught:
        check_name(name)
    assert f"Did you mean {meant}?" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["cnn", "efficientnet_lite0"])
def test_weights_are_refused_where_they_cannot_be_used(name: str) -> None:
    with pytest.raises(UsageError, match="--weights"):
        check_name(name, "some.weights.h5")


def test_every_network_of_keras_applications_can_be_named() -> None:
    load_tensorflow()
    import keras

    offered = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(applications.NAMES) == offered
    assert len(NAMES) == len(set(NAMES)) == len(offered) + 2


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("MobileNetV2", "mobilenet_v2"),
        ("ResNet50V2", "resnet_v2"),
        ("DenseNet121", "densenet"),
        ("ResNet50", "resnet"),
        ("VGG16", "vgg16"),
        ("EfficientNetB0", "efficientnet"),
        ("MobileNetV3Small", "mobilenet_v3"),
        ("ConvNeXtTiny", "convnext"),
    ],
)
def test_normalisation_is_what_the_network_was_trained_with(name: str, module: str) -> None:
    load_tensorflow()
    import keras

    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    expected = getattr(keras.applications, module).preprocess_input(images.copy())
    inputs = keras.Input((8, 8, 3))
    outputs = applications.normalisation(name, inputs)
    got = images if outputs is inputs else keras.Model(inputs, outputs).predict_on_batch(images)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_weights_from_a_file_are_used_and_recorded(network: Any, weights: Path) -> None:
    backbone = open_network(weights)
    images = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.float32)
    expected = network(images, training=False)
    np.testing.assert_allclose(backbone.model.predict_on_batch(images), expected, atol=1e-4)
    assert backbone.info.weights_source == "file:small.weights.h5"
    assert backbone.info.weights_sha256 == sha256_file(weights)
    assert not backbone.model.trainable_weights


def test_the_digest_stands_for_the_weights(network: Any, weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.weights.h5"
    arrays = network.get_weights()
    network.set_weights([array + 1e-3 for array in arrays])
    network.save_weights(other)
    network.set_weights(arrays)
    assert open_network(weights).digest == open_network(weights).digest != open_network(other).digest


def test_a_missing_or_foreign_weights_file_is_bad_input(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text.h5", tmp_path / "foreign.weights.h5"
    text.write_text("not HDF5")
    with h5py.File(foreign, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((3, 2), np.float32)
    for path, words in ((tmp_path / "absent.h5", "not found"), (text, "not an HDF5"), (foreign, "does not hold")):
        with pytest.raises(BadInputError, match=words):
            open_network(path)


def test_a_weights_file_that_points_elsewhere_is_refused(tmp_path: Path) -> None:
    linked, stored = tmp_path / "linked.h5", tmp_path / "stored.h5"
    with h5py.File(linked, "w") as file:
        file["layers"] = h5py.ExternalLink("canary.h5", "/")
    with h5py.File(stored, "w") as file:
        file.create_dataset("raw", (4,), "f4", external=[(str(tmp_path / "canary.raw"), 0, 16)])
    for path, words in ((linked, "link to another place"), (stored, "another file")):
        with pytest.raises(BadInputError, match=words), path.open("rb") as file:
            refuse_unsafe_hdf5(file, path.name, path.stat().st_size)


@pytest.mark.parametrize("loop", [False, True])
def test_a_weights_file_whose_groups_lead_to_one_another_is_refused_at_once(tmp_path: Path, loop: bool) -> None:
    path = tmp_path / "maze.h5"
    with h5py.File(path, "w") as file:
        groups = [file.create_group("0")] if loop else [file.create_group(str(number)) for number in range(30)]
        for group, following in zip(groups, groups[1:] or groups, strict=False):
            group["a"] = group["b"] = following
    with pytest.raises(BadInputError, match="under two names"), path.open("rb") as stream:
        refuse_unsafe_hdf5(stream, path.name, path.stat().st_size)


def test_a_weights_file_that_would_unpack_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("zeros", (1 << 30,), "f4", chunks=(1 << 20,), compression="gzip")
    with pytest.raises(BadInputError, match="would unpack"), path.open("rb") as file:
        refuse_unsafe_hdf5(file, path.name, path.stat().st_size)


def test_an_image_size_that_the_network_cannot_take_is_bad_input(weights: Path) -> None:
    with pytest.raises(BadInputError, match="16 pixels"):
        open_backbone(NETWORK, 16, str(weights), SilentProgress())


@pytest.fixture
def file_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", folder
        server.shutdown()
        thread.join()


@pytest.fixture
def published(file_server: tuple[str, Path], network: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    """A server that has the network's weights in the place where Keras looks, in the older format that it expects."""
    from keras.src.applications import mobilenet_v3
    from keras.src.legacy.saving import legacy_h5_format
    from keras.src.utils import file_utils

    url, folder = file_server
    name = "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"
    with h5py.File(folder / name, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    monkeypatch.setattr(mobilenet_v3, "BASE_WEIGHT_PATH", url)
    monkeypatch.setattr(file_utils, "validate_file", lambda *_, **__: True)  # these are not ImageNet's weights
    return url + name, folder / name


def test_default_weights_are_downloaded_once_and_then_come_from_the_cache(
    published: tuple[str, Path], keras_home: Path, network: Any
) -> None:
    url, file = published
    first, second = open_network(None), open_network(None)
    assert first.info.weights_source == f"download:{url}"
    assert second.info.weights_source == f"keras-cache:{url.rpartition('/')[2]}"
    assert first.info.weights_sha256 == second.info.weights_sha256 == sha256_file(file)
    np.testing.assert_array_equal(second.model.get_weights()[0], network.get_weights()[0])


def test_without_the_weights_and_without_network_the_hint_names_the_ways_out(
    published: tuple[str, Path], keras_home: Path
) -> None:
    published[1].unlink()
    with pytest.raises(RemoteError, match="could not be downloaded") as caught:
        open_network(None)
    assert "--weights" in str(caught.value.hint)
    assert "efficientnet_lite0" in str(caught.value.hint)
