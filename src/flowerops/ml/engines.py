"""How a frozen backbone is run here: LiteRT on CPUs, Keras where TensorFlow sees a GPU."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flowerops.io.atomic import publish_folder
from flowerops.io.hashing import seal_folder, seal_problems
from flowerops.io.loading import give_memory_back
from flowerops.io.parallel import usable_cores
from flowerops.ml.backbones import Backbone
from flowerops.ml.litert import open_interpreter, run, to_tflite
from flowerops.ml.runtime import gpus
from flowerops.ml.source import Pixels

_CPU_SLICE = 8
_GPU_SLICE = 64
_MAX_INTERPRETERS = 32
_CONVERTED_FILE = "features.tflite"


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


def choose_engine(backbone: Backbone, cache_dir: Path | None, threads: int | None) -> Engine:
    """Take the GPU when there is one, else one single-threaded LiteRT interpreter for each thread.

    Several small interpreters need no barrier after each layer, so they scale with the cores where one interpreter
    with many threads does not, and the bits of a result are the same.

    Args:
        backbone: The frozen network.
        cache_dir: Where its LiteRT form is kept; None to keep it nowhere.
        threads: Upper limit; None for all cores that this process may use.
    """
    if gpus():
        return Engine("keras-gpu", lambda pixels: _on_gpu(backbone, pixels), workers=1, slice=_GPU_SLICE)
    flatbuffer = converted(backbone, cache_dir)
    local = threading.local()

    def infer(pixels: Pixels) -> npt.NDArray[np.float32]:
        if not hasattr(local, "interpreter"):
            local.interpreter = open_interpreter(flatbuffer, threads=1)
        return run(local.interpreter, pixels)

    return Engine("litert", infer, min(threads or usable_cores(), _MAX_INTERPRETERS), _CPU_SLICE, flatbuffer)


def converted_folder(cache_dir: Path) -> Path:
    """Where converted backbones are kept, each in a folder with the first 32 digits of its digest."""
    return cache_dir / "tflite"


def converted(backbone: Backbone, cache_dir: Path | None) -> bytes:
    """The backbone as a LiteRT flatbuffer, converted once; a damaged copy is made anew."""
    if cache_dir is None:
        return to_tflite(backbone.model)
    folder = converted_folder(cache_dir) / backbone.digest[:32]
    if folder.is_dir() and seal_problems(folder):
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        with publish_folder(folder) as temp:
            (temp / _CONVERTED_FILE).write_bytes(to_tflite(backbone.model))
            seal_folder(temp)
        give_memory_back()  # a conversion leaves over 200 MB, just before memory is wanted for the features
    return (folder / _CONVERTED_FILE).read_bytes()


def _on_gpu(backbone: Backbone, pixels: Pixels) -> npt.NDArray[np.float32]:
    features: npt.NDArray[np.float32] = backbone.model.predict_on_batch(pixels.astype(np.float32))
    return features
