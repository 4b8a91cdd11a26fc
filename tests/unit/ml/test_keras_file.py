"""The bytes of a `.keras` file follow from the model."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.ml.backbones import Backbone
from flowerops.ml.export import load_model
from flowerops.ml.keras_file import save, settle


def test_a_model_that_is_saved_twice_is_the_same_file(backbone: Backbone, tmp_path: Path) -> None:
    files = [tmp_path / "one.keras", tmp_path / "two.keras"]
    for number, file in enumerate(files):
        backbone.model.save(file)
        config, metadata = _member(file, "config.json"), _member(file, "metadata.json")
        assert b"date_saved" in metadata and b'"shared_object_id": ' in config
        # Another process has other addresses, and another time of day has come.
        moved = config.replace(b'"shared_object_id": ', b'"shared_object_id": %d' % (number + 1))
        _rewrite(file, {"config.json": moved, "metadata.json": metadata.replace(b"20", b"2%d" % number)})
        settle(file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"date_saved" not in _member(files[0], "metadata.json")


def test_shared_objects_stay_shared_and_the_model_is_the_same(backbone: Backbone, tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    backbone.model.save(file)
    before = json.loads(_member(file, "config.json"))
    settle(file)
    after = json.loads(_member(file, "config.json"))
    assert _shared(before) and _pattern(_shared(before)) == _pattern(_shared(after))
    assert set(_shared(after)) == set(range(1, len(set(_shared(before))) + 1))
    images = np.random.default_rng(0).uniform(0, 255, (2, *backbone.model.input_shape[1:])).astype(np.float32)
    np.testing.assert_array_equal(load_model(file).predict_on_batch(images), backbone.model.predict_on_batch(images))


def test_nothing_of_the_training_is_in_the_file(backbone: Backbone, tmp_path: Path) -> None:
    import keras

    def head(model: Any) -> Any:
        dropped = keras.layers.Dropout(0.2, name="dropped")
        layers = [
            keras.Input((model.output_shape[-1],), name="features"),
            dropped,
            keras.layers.Dense(2, name="probabilities"),
        ]
        return keras.Sequential(layers, name="head")

    def whole(top: Any) -> Any:
        return keras.Model(backbone.model.input, top(backbone.model.output), name="classifier")

    trained, other = head(backbone.model), head(backbone.model)
    trained.compile("adam", "mse", metrics=["accuracy"])
    trained.train_on_batch(np.ones((4, *trained.input_shape[1:])), np.ones((4, 2)))
    files = [tmp_path / "one.keras", tmp_path / "two.keras"]
    models = [whole(trained), whole(other)]
    for variable, copy in zip(models[0].variables, models[1].variables, strict=True):
        copy.assign(variable)
    for model, file in zip(models, files, strict=True):
        save(model, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert trained.optimizer is not None, "it can go on"
    images = np.ones((2, *backbone.model.input_shape[1:]), np.float32)
    np.testing.assert_array_equal(load_model(files[0]).predict_on_batch(images), models[0].predict_on_batch(images))


def _member(file: Path, name: str) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return archive.read(name)


def _rewrite(file: Path, changed: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in (members | changed).items():
            archive.writestr(name, data)


def _shared(value: object) -> list[int]:
    if isinstance(value, list):
        return [number for member in value for number in _shared(member)]
    if not isinstance(value, dict):
        return []
    own = [value["shared_object_id"]] if "shared_object_id" in value else []
    return own + [number for name in value for number in _shared(value[name])]


def _pattern(numbers: list[int]) -> list[int]:
    return [numbers.index(number) for number in numbers]
