"""Conversion to LiteRT in a process of its own, for when the memory that it leaves occupied is wanted for other things.

Run as a program: `python -m flowerops.ml.conversion MODEL.keras MODEL.tflite`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from flowerops.ml.apart import run_apart
from flowerops.ml.export import load_model
from flowerops.ml.litert import to_tflite


def to_tflite_apart(model: Any) -> bytes:
    """What `to_tflite` gives, from another process: it costs some seconds more and no memory here.

    Raises:
        FlowerOpsError: The model cannot be converted.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.keras", Path(folder) / "model.tflite"
        model.save(source)
        run_apart(
            "flowerops.ml.conversion",
            source,
            target,
            what=f"{model.name} could not be converted to LiteRT",
            hint="Choose another --backbone.",
        )
        return target.read_bytes()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(to_tflite(load_model(Path(sys.argv[1]))))
