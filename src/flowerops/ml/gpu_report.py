"""What TensorFlow sees of this machine's GPUs, as one JSON document; a program, so that nobody else need load it."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def gpu_facts() -> dict[str, Any]:
    """What TensorFlow says of itself.

    Returns:
        tensorflow: its version. cuda_build: whether it was built to use NVIDIA's GPUs. cuda, cudnn: the versions it was
        built for, or None. devices: for each GPU that it can use its name, compute_capability ("8.9" or None) and
        memory_bytes (None where it does not say). precision: what training would take by itself.
    """
    from flowerops.ml.devices import automatic_precision
    from flowerops.ml.runtime import capabilities, load_tensorflow

    tensorflow = load_tensorflow()
    build = tensorflow.sysconfig.get_build_info()
    config = tensorflow.config
    devices = []
    for index, device in enumerate(config.list_physical_devices("GPU")):
        details = config.experimental.get_device_details(device)
        capability = details.get("compute_capability")
        devices.append(
            {
                "name": details.get("device_name") or device.name,
                "compute_capability": ".".join(map(str, capability)) if capability else None,
                "memory_bytes": _memory(tensorflow, index),
            }
        )
    return {
        "tensorflow": tensorflow.__version__,
        "cuda_build": bool(tensorflow.test.is_built_with_cuda()),
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
        "devices": devices,
        "precision": automatic_precision(capabilities())[0],
    }


def _memory(tensorflow: Any, index: int) -> int | None:
    """What TensorFlow may take of a GPU, which it has to open for the answer."""
    try:
        from tensorflow.python.client import device_lib

        found = [device for device in device_lib.list_local_devices() if device.device_type == "GPU"]
        return int(found[index].memory_limit)
    except Exception:
        return None


if __name__ == "__main__":
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # The loader's own words on missing libraries go to stderr; whoever started this reads them.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0")
    sys.stdout.write(json.dumps(gpu_facts()) + "\n")
