"""How a frozen backbone is run here: LiteRT on CPUs, Keras where TensorFlow sees a GPU."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.io.atomic import publish_folder
from flowerops.io.hashing import seal_folder, seal_problems
from flowerops.io.loading import give_memory_back
from flowerops.io.parallel import usable_cores
from flowerops.ml.backbones import Backbone
from flowerops.ml.conversion import to_tflite_apart
from flowerops.ml.devices import active
from flowerops.ml.litert import open_interpreter, run, to_tflite
from flowerops.ml.precision import compute_in
from flowerops.ml.runtime import gpus, load_tensorflow
from flowerops.ml.source import Pixels

_CPU_SLICE = 8
_GPU_SLICE = 64
_MAX_INTERPRETERS = 32
_CONVERTED_FILE = "features.tflite"
_MANY = 25_000
"""Images whose features take over 100 MB."""


@dataclass(frozen=True)
class Engine:
    """A way to compute features.

    name: part of the cache's key, since engines round differently. infer: uint8 [k, size, size, 3] → float32 [k, d];
    may be called from `workers` threads at once, best with `slice` images a call. flatbuffer: the backbone for LiteRT,
    where that is what runs.
    """

    name: str
    infer: Callable[[Pixels], npt.NDArray[np.float32]]
    workers: int
    slice: int
    flatbuffer: bytes | None = None


def choose_engine(backbone: Backbone, cache_dir: Path | None, threads: int | None, images: int = 0) -> Engine:
    """Take the GPU when there is one, else one single-threaded LiteRT interpreter for each thread.

    Several small interpreters need no barrier after each layer, so they scale with the cores where one interpreter
    with many threads does not, and the bits of a result are the same.

    Args:
        backbone: The frozen network.
        cache_dir: Where its LiteRT form is kept; None to keep it nowhere.
        threads: Upper limit; None for all cores that this process may use.
        images: How many there are; for many, memory is saved where it costs time.
    """
    if gpus():
        return on_gpus(backbone, gpus(), active().features, xla=active().xla)
    flatbuffer = converted(backbone, cache_dir, apart=images >= _MANY)
    local = threading.local()

    def infer(pixels: Pixels) -> npt.NDArray[np.float32]:
        if not hasattr(local, "interpreter"):
            local.interpreter = open_interpreter(flatbuffer, threads=1)
        return run(local.interpreter, pixels)

    return Engine("litert", infer, min(threads or usable_cores(), _MAX_INTERPRETERS), _CPU_SLICE, flatbuffer)


def converted_folder(cache_dir: Path) -> Path:
    """Where converted backbones are kept, each in a folder with the first 32 digits of its digest."""
    return cache_dir / "tflite"


def converted(backbone: Backbone, cache_dir: Path | None, *, apart: bool = False) -> bytes:
    """The backbone as a LiteRT flatbuffer, converted once; a damaged copy is made anew.

    A conversion leaves over 200 MB behind; `apart` makes it in another process.
    """
    convert = to_tflite_apart if apart else to_tflite
    if cache_dir is None:
        return convert(backbone.model)
    folder = converted_folder(cache_dir) / backbone.digest[:32]
    if folder.is_dir() and seal_problems(folder):
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        with publish_folder(folder) as temp:
            (temp / _CONVERTED_FILE).write_bytes(convert(backbone.model))
            seal_folder(temp)
        give_memory_back()
    return (folder / _CONVERTED_FILE).read_bytes()


def on_gpus(backbone: Backbone, names: list[str], precision: str, *, xla: bool) -> Engine:
    """One copy of the backbone on each device; a free one takes the next images.

    Args:
        backbone: The frozen network.
        names: Devices as TensorFlow names them.
        precision: Of the arithmetic, see `precision.computing_in`; features are float32 always.
        xla: Compile it. All calls have one shape then, for each shape is compiled anew.
    """
    device_of = load_tensorflow().device
    free: queue.SimpleQueue[tuple[str, Callable[[Pixels], npt.NDArray[np.float32]]]] = queue.SimpleQueue()
    for name in names:
        with device_of(name):
            free.put((name, copy_for_inference(backbone.model, precision, xla=xla)))

    def infer(pixels: Pixels) -> npt.NDArray[np.float32]:
        full = np.zeros((_GPU_SLICE, *pixels.shape[1:]), np.uint8)  # a quarter of float32's way to the GPU
        full[: len(pixels)] = pixels
        name, compute = free.get()
        try:
            with device_of(name):
                return compute(full)[: len(pixels)]
        finally:
            free.put((name, compute))

    # Twice as many threads as devices: the next images are made ready while a device computes.
    return Engine(f"keras-gpu-{precision}", infer, workers=2 * len(names), slice=_GPU_SLICE)


def copy_for_inference(model: Any, precision: str, *, xla: bool) -> Callable[[Pixels], npt.NDArray[np.float32]]:
    """A copy of a model that computes in this precision: uint8 [k, size, size, 3] → float32 [k, d].

    Keras alone does it, so that it runs on whatever Keras has for a backend.
    """
    import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    compute_in(copy, precision)
    copy.compile(jit_compile=xla)
    return lambda pixels: np.asarray(copy.predict_on_batch(pixels), np.float32)
