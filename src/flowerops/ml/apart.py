"""Work of this room in a process of its own: with its own memory, its own numbering, and no GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flowerops.errors import FlowerOpsError

_LIMIT_S = 900


def run_apart(module: str, *files: Path, what: str, hint: str) -> None:
    """Run `python -m MODULE FILE …`.

    Args:
        module: A module of this room that can be run as a program.
        files: Its arguments.
        what: What it does, for the error: "the model could not be converted".
        hint: What to do then.

    Raises:
        FlowerOpsError: It failed, or did not end within a quarter of an hour; the error has the last line that it said.
    """
    hidden = {"TF_CONFIG"}  # of a cluster, which that process is no part of
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env |= {"CUDA_VISIBLE_DEVICES": "-1", "PYTHONHASHSEED": "0"}  # the GPU's memory is in the hands of the training
    command = [sys.executable, "-m", module, *map(str, files)]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise FlowerOpsError(f"{what}: it took longer than {_LIMIT_S} s", hint) from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FlowerOpsError(f"{what}: {said}", hint)
