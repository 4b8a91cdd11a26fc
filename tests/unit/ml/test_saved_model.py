"""The SavedModel answers as the Keras file does, and depends on nothing but that file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flowerops.errors import FlowerOpsError
from flowerops.io.hashing import seal_folder
from flowerops.ml.backbones import Backbone
from flowerops.ml.export import load_model
from flowerops.ml.saved_model import INPUT, OUTPUT, SIGNATURE, answers, write_saved_model
from helpers.image_source import coloured

IMAGES = coloured(4, 32).images


@pytest.fixture(scope="module")
def keras_file(backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from keras import Model, layers

    file = tmp_path_factory.mktemp("keras") / "model.keras"
    Model(backbone.model.input, layers.Dense(3, activation="softmax")(backbone.model.output)).save(file)
    return file


def test_it_serves_bytes_and_comes_out_the_same_each_time(keras_file: Path, tmp_path: Path) -> None:
    import tensorflow

    write_saved_model(keras_file, tmp_path / "one", IMAGES)
    signature = tensorflow.saved_model.load(str(tmp_path / "one")).signatures[SIGNATURE]
    (entry,) = signature.structured_input_signature[1].values()
    assert (entry.name, entry.dtype, entry.shape.as_list()) == (INPUT, tensorflow.uint8, [None, 32, 32, 3])
    assert list(signature.structured_outputs) == [OUTPUT]
    expected = load_model(keras_file).predict_on_batch(IMAGES.astype(np.float32))
    np.testing.assert_allclose(answers(tmp_path / "one", IMAGES), expected, atol=1e-5)
    files = {path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*")}
    assert files == {
        "saved_model.pb",
        "variables",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    }
    write_saved_model(keras_file, tmp_path / "two", IMAGES)
    assert seal_folder(tmp_path / "one") == seal_folder(tmp_path / "two")


def test_a_failure_says_what_the_writer_said(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_text("not a model")
    with pytest.raises(FlowerOpsError, match=r"the SavedModel could not be written: .*model\.keras"):
        write_saved_model(tmp_path / "model.keras", tmp_path / "out", IMAGES)
