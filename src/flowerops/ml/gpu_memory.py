"""How much memory TensorFlow has taken of each GPU."""

from __future__ import annotations

import contextlib

from flowerops.ml.runtime import gpus, load_tensorflow


def peak_gpu_memory_bytes() -> dict[str, int]:
    """The most that was in use at once since the process began, by device ("GPU:0").

    Empty without a GPU; devices whose allocator does not count are left out.
    """
    experimental = load_tensorflow().config.experimental
    found = {}
    for index in range(len(gpus())):
        with contextlib.suppress(ValueError, RuntimeError):
            found[f"GPU:{index}"] = int(experimental.get_memory_info(f"GPU:{index}")["peak"])
    return found
