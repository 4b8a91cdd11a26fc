"""TensorFlow is loaded late, once and quietly."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from flowerops.io.quiet import quiet_native_code
from flowerops.ml.runtime import versions

IMPORTS_NOTHING_HEAVY = """
import sys, pkgutil, importlib
import flowerops.ml as room
for module in pkgutil.walk_packages(room.__path__, "flowerops.ml."):
    importlib.import_module(module.name)
print([name for name in ("tensorflow", "keras", "ai_edge_litert", "h5py") if name in sys.modules])
"""

WORKS_QUIETLY = """
import numpy as np
from flowerops.ml.runtime import configure
configure(1, threads=1)
import keras
from flowerops.ml.litert import open_interpreter, run, to_tflite
model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
pixels = np.zeros((1, 8, 8, 3), np.uint8)
model.predict(pixels.astype(np.float32), verbose=0)
print(run(open_interpreter(to_tflite(model)), pixels).tolist())
"""

WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
from flowerops.errors import UsageError
from flowerops.ml.runtime import load_tensorflow
try:
    load_tensorflow()
except UsageError as error:
    print(error.message, "|", error.hint)
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )


def test_importing_the_room_imports_no_framework() -> None:
    assert python(IMPORTS_NOTHING_HEAVY).stdout.strip() == "[]"


def test_loading_converting_and_running_writes_nothing_to_the_screen() -> None:
    done = python(WORKS_QUIETLY)
    assert done.stdout.strip() == "[[0.0, 0.0]]"
    assert done.stderr == ""


def test_without_tensorflow_the_error_names_the_line_that_installs_it() -> None:
    said = python(WITHOUT_TENSORFLOW).stdout
    assert said.startswith("tensorflow is not installed |")
    assert 'pip install "flowerops[train]"' in said


def test_versions_name_what_results_depend_on() -> None:
    assert {"keras", "numpy", "ai-edge-litert"} <= set(versions())


def test_threads_that_silence_at_the_same_time_give_the_streams_back(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        for _ in range(20):
            with quiet_native_code():
                os.write(1, b"noise")
                os.write(2, b"noise")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(1, b"result")
    os.write(2, b"trouble")
    assert tuple(capfd.readouterr()) == ("result", "trouble")


def test_what_native_code_said_is_shown_when_it_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), quiet_native_code():
        os.write(2, b"the reason")
        raise RuntimeError("failed")
    assert capfd.readouterr().err == "the reason"
