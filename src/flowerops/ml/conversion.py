"""Conversion to LiteRT in a process of its own, for when the memory that it leaves occupied is wanted for other things.

Run as a program: `python -m flowerops.ml.conversion MODEL.keras MODEL.tflite`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from flowerops.errors import FlowerOpsError
from flowerops.ml.export import load_model
from flowerops.ml.litert import to_tflite

_LIMIT_S = 900


def to_tflite_apart(model: Any) -> bytes:
    """What `to_tflite` gives, from another process: it costs some seconds more and no memory here.

    Raises:
        FlowerOpsError: The model cannot be converted.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.keras", Path(folder) / "model.tflite"
        model.save(source)
        command = [sys.executable, "-m", "flowerops.ml.conversion", str(source), str(target)]
        hidden = {"TF_CONFIG"}  # of a cluster, which that process is no part of
        env = {name: value for name, value in os.environ.items() if name not in hidden}
        env |= {"CUDA_VISIBLE_DEVICES": "-1"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise FlowerOpsError(f"{model.name} could not be converted to LiteRT: {said}", "Choose another --backbone.")
        return target.read_bytes()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(to_tflite(load_model(Path(sys.argv[1]))))
