"""doctor: look at this machine, and say what hinders and what to do.

A check is a function that gives findings; to add one, put it into CHECKS.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from flowerops.domain.doctor import Finding
from flowerops.domain.gpu import GpuSurroundings, gpu_findings

_TENSORFLOW_S = 180.0
_DRIVER_S = 20.0
_DRIVER_FIGURES = "--query-gpu=name,driver_version,memory.total"
_LOW_BYTES = 5 << 30


@dataclass(frozen=True)
class Patient:
    """What is looked at: the variables of this process, and the folder where flowerops keeps everything."""

    env: Mapping[str, str]
    home: Path


Check = Callable[[Patient], list[Finding]]


def check_python(patient: Patient) -> list[Finding]:
    """Whether this Python runs flowerops."""
    del patient
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    to_do = None if fits else "Use Python 3.11, 3.12 or 3.13."
    return [Finding(check="Python", verdict="ok" if fits else "problem", found=version, to_do=to_do)]


def check_parts(patient: Patient) -> list[Finding]:
    """Which of the optional parts are installed."""
    del patient
    marks = {"train": "keras", "serve": "uvicorn", "local": "mlflow", "azure": "azure-ai-ml"}
    absent = [part for part, package in marks.items() if _version(package) is None]
    if not absent:
        return [Finding(check="installed parts", verdict="ok", found=", ".join(marks))]
    found = f"without {', '.join(absent)}"
    return [
        Finding(check="installed parts", verdict="note", found=found, to_do=f'pip install "flowerops[{absent[0]}]"')
    ]


def check_room(patient: Patient) -> list[Finding]:
    """Whether the home folder's disk has room for photos and models."""
    place = next(path for path in (patient.home.absolute(), *patient.home.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    low = free < _LOW_BYTES
    to_do = "Free some, or put the home folder elsewhere: --home." if low else None
    found = f"{free / 2**30:.1f} GiB free in {place}"
    return [Finding(check="disk", verdict="note" if low else "ok", found=found, to_do=to_do)]


def check_gpu(patient: Patient) -> list[Finding]:
    """What TensorFlow sees of the GPUs, and why not."""
    return gpu_findings(_gpu_surroundings(patient))


CHECKS: dict[str, Check] = {
    "python": check_python,
    "parts": check_parts,
    "disk": check_room,
    "gpu": check_gpu,
}


def examine(patient: Patient, names: list[str] | None = None) -> list[Finding]:
    """The findings of some checks, by their names in CHECKS; None for all but `gpu`, which has to load TensorFlow."""
    chosen = names if names is not None else [name for name in CHECKS if name != "gpu"]
    return [finding for name in chosen for finding in CHECKS[name](patient)]


def doctor_document(findings: list[Finding]) -> dict[str, Any]:
    """The result's JSON members; `healthy` is false where there is a problem."""
    healthy = all(finding.verdict != "problem" for finding in findings)
    return {"healthy": healthy, "findings": [finding.model_dump() for finding in findings]}


def _gpu_surroundings(patient: Patient) -> GpuSurroundings:
    packages = {name: _version(name) for name in ("tensorflow", "tensorflow-cpu")}
    facts, said = _ask_tensorflow(patient.env) if any(packages.values()) else (None, "")
    return GpuSurroundings(
        packages={name: version for name, version in packages.items() if version},
        visible=patient.env.get("CUDA_VISIBLE_DEVICES"),
        driver=_driver(patient.env),
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


def _driver(env: Mapping[str, str]) -> list[str] | None:
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


def _version(package: str) -> str | None:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None
