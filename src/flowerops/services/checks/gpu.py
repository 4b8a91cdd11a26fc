"""What TensorFlow sees of the GPUs, asked in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowerops.domain.doctor import Diagnosis
from flowerops.domain.gpu import GpuSurroundings, gpu_findings
from flowerops.services.checks.patient import Patient, version_of

_TENSORFLOW_S = 180.0
_DRIVER_S = 20.0
_DRIVER_FIGURES = "--query-gpu=name,driver_version,memory.total"


def check_gpu(patient: Patient) -> list[Diagnosis]:
    """What TensorFlow sees of the GPUs, and why not."""
    return [Diagnosis(finding) for finding in gpu_findings(_gpu_surroundings(patient))]


def _gpu_surroundings(patient: Patient) -> GpuSurroundings:
    packages = {name: version_of(name) for name in ("tensorflow", "tensorflow-cpu")}
    facts, said = _ask_tensorflow(patient.env) if any(packages.values()) else (None, "")
    return GpuSurroundings(
        packages={name: version for name, version in packages.items() if version},
        visible=patient.env.get("CUDA_VISIBLE_DEVICES"),
        driver=driver_lines(patient.env),
        device_files=any(Path("/dev").glob("nvidia[0-9]*")),
        tensorflow=facts,
        said=said,
    )


def _ask_tensorflow(env: Mapping[str, str]) -> tuple[dict[str, Any] | None, str]:
    """Its facts, and all that it wrote; in a process of its own, because a broken one may end it."""
    command = [sys.executable, "-m", "flowerops.ml.gpu_report"]
    try:
        done = subprocess.run(
            command, env={**env}, capture_output=True, text=True, errors="replace", timeout=_TENSORFLOW_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"it did not answer within {_TENSORFLOW_S:g} s"
    facts = None
    with contextlib.suppress(ValueError, IndexError):
        facts = json.loads(done.stdout.strip().splitlines()[-1])
    return facts, done.stderr


def driver_lines(env: Mapping[str, str]) -> list[str] | None:
    """A line for each GPU of the driver's; None without nvidia-smi, empty when it fails."""
    tool = shutil.which("nvidia-smi", path=env.get("PATH", os.defpath))
    if tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, _DRIVER_FIGURES, "--format=csv,noheader"],
            capture_output=True, text=True, errors="replace", timeout=_DRIVER_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
