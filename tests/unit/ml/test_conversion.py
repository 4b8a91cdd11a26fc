from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from flowerops.errors import FlowerOpsError
from flowerops.ml import apart
from flowerops.ml.backbones import Backbone
from flowerops.ml.conversion import to_tflite_apart
from flowerops.ml.litert import open_interpreter, run, to_tflite
from helpers.image_source import coloured


def test_another_process_converts_to_the_same_function(backbone: Backbone) -> None:
    pixels = coloured(4, backbone.model.input_shape[1]).images
    here, there = (run(open_interpreter(convert(backbone.model)), pixels) for convert in (to_tflite, to_tflite_apart))
    assert np.array_equal(here, there)


def test_what_cannot_be_converted_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch, backbone: Backbone) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(FlowerOpsError, match=r"could not be converted to LiteRT: [^\n]+$"):
        to_tflite_apart(backbone.model)


def test_a_process_that_hangs_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_LIMIT_S", 0.01)
    with pytest.raises(FlowerOpsError, match=r"^it was not done: it took longer than 0.01 s$"):
        apart.run_apart("this", what="it was not done", hint="Wait.")
