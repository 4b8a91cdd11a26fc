"""How much memory TensorFlow has taken of each GPU."""

from __future__ import annotations

from flowerops.ml.runtime import gpus, load_tensorflow


def peak_gpu_memory_bytes() -> dict[str, int]:
    """The most that was in use at once since the process began, by device ("GPU:0"); empty without a GPU."""
    experimental = load_tensorflow().config.experimental
    names = [f"GPU:{index}" for index in range(len(gpus()))]
    return {name: int(experimental.get_memory_info(name)["peak"]) for name in names}
