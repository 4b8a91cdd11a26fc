"""The one place that loads TensorFlow: quiet, with the wanted threads, deterministic when seeded."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
import sys
from importlib import metadata
from typing import Any

from flowerops.errors import UsageError
from flowerops.io.loading import loading
from flowerops.io.quiet import quiet_native_code

_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "KERAS_BACKEND": "tensorflow",
}
"""Must be set before the first import. Where the user set another value, that one wins, except for the backend."""

_INSTALL_HINT = 'Install the training part: pip install "flowerops[train]"'

_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "ai-edge-litert")


@functools.cache
def load_tensorflow() -> Any:
    """Import TensorFlow and Keras once, without their start-up chatter.

    Returns:
        The `tensorflow` module; `import keras` is safe afterwards.

    Raises:
        UsageError: TensorFlow is not installed.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quiet_native_code(), loading():
        tensorflow = _import("tensorflow")
        keras = _import("keras")
    tensorflow.get_logger().setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)
    keras.utils.disable_interactive_logging()  # Keras would print downloads and progress to stdout
    return tensorflow


def load_keras() -> Any:
    """Keras alone, where somebody has loaded it with another backend than TensorFlow already; else as above."""
    keras = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "backend") or keras.backend.backend() == "tensorflow":
        load_tensorflow()
        return _import("keras")
    return keras


def configure(seed: int, threads: int | None = None, *, deterministic: bool = False) -> None:
    """Seed Python, NumPy and TensorFlow, cap TensorFlow's threads, and let it take of a GPU only the memory it needs.

    On CPUs, TensorFlow's operations are deterministic afterwards, which costs nothing there; on GPUs only where that is
    wanted. Threads can only be set before TensorFlow's first operation; later calls leave them as they are.
    """
    tensorflow = load_tensorflow()
    keras = _import("keras")
    keras.utils.set_random_seed(seed)
    if deterministic or not gpus():
        tensorflow.config.experimental.enable_op_determinism()
    with contextlib.suppress(RuntimeError):
        for device in tensorflow.config.list_physical_devices("GPU"):
            tensorflow.config.experimental.set_memory_growth(device, True)
        if threads is not None:
            tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
            tensorflow.config.threading.set_inter_op_parallelism_threads(threads)


def gpus() -> list[str]:
    """Names of the GPUs that TensorFlow can use: GPU:0, GPU:1 and so on."""
    return [f"GPU:{index}" for index, _ in enumerate(load_tensorflow().config.list_physical_devices("GPU"))]


def builds() -> list[str]:
    """Which packages of TensorFlow are installed: "tensorflow-cpu 2.21.0" uses no GPU, say."""
    return [f"{name} {version}" for name, version in versions().items() if name.startswith("tensorflow")]


def capabilities() -> list[tuple[int, int]]:
    """Compute capability of each GPU that TensorFlow can use; (0, 0) of one that is not NVIDIA's."""
    config = load_tensorflow().config
    details = map(config.experimental.get_device_details, config.list_physical_devices("GPU"))
    return [tuple(found.get("compute_capability") or (0, 0)) for found in details]


def load_interpreter() -> Any:
    """LiteRT's Interpreter class.

    Raises:
        UsageError: LiteRT is not installed.
    """
    return _import("ai_edge_litert.interpreter").Interpreter


def versions() -> dict[str, str]:
    """Installed versions of what training depends on; nothing is imported."""
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = (error.name or name).partition(".")[0]
        raise UsageError(f"{package} is not installed", _INSTALL_HINT) from error
