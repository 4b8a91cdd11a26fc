"""Why TensorFlow sees no GPU, told from what was observed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flowerops.domain.doctor import Finding

_LIBRARY = re.compile(
    r"(?:Could not load dynamic library '([^']+)'|(lib(?:cud|cublas|nv|cufft|cusol|cuspar)\S*?\.so[\d.]*))"
)
_GPU_BUILD = 'pip install "tensorflow[and-cuda]" in place of tensorflow-cpu (Linux with an NVIDIA GPU)'


@dataclass(frozen=True)
class GpuSurroundings:
    """What was observed.

    packages: versions of tensorflow and tensorflow-cpu, those that are installed. visible: CUDA_VISIBLE_DEVICES, or
    None where it is not set. driver: what nvidia-smi lists, "name, driver version, memory" a line; None where there is
    no nvidia-smi, empty where it fails. device_files: whether /dev/nvidia* exist. tensorflow: the facts of
    `ml.gpu_report`, or None where TensorFlow could not be loaded. said: what TensorFlow wrote meanwhile.
    """

    packages: dict[str, str]
    visible: str | None
    driver: list[str] | None
    device_files: bool
    tensorflow: dict[str, Any] | None
    said: str = ""


def gpu_findings(seen: GpuSurroundings) -> list[Finding]:
    """One finding each on TensorFlow, the driver, the variables, the libraries, and the GPUs themselves."""
    found = [_build(seen), _driver(seen), _variables(seen), _libraries(seen), _devices(seen)]
    return [finding for finding in found if finding is not None]


def _build(seen: GpuSurroundings) -> Finding:
    facts = seen.tensorflow
    installed = ", ".join(f"{name} {version}" for name, version in seen.packages.items())
    if facts is None:
        if not seen.packages:
            return Finding(check="TensorFlow", verdict="problem", found="not installed",
                           to_do='pip install "flowerops[train]"')  # fmt: skip
        last = (seen.said.strip().splitlines() or ["it said nothing"])[-1]
        return Finding(check="TensorFlow", verdict="problem", found=f"{installed} cannot be loaded: {last}",
                       to_do="Install it anew: pip install --force-reinstall tensorflow")  # fmt: skip
    if not facts["cuda_build"]:
        return Finding(check="TensorFlow", verdict="problem" if seen.driver else "note",
                       found=f"{installed}: built for CPUs only", to_do=f"To use a GPU: {_GPU_BUILD}",
                       facts=facts)  # fmt: skip
    made_for = f"built for CUDA {facts['cuda']} and cuDNN {facts['cudnn']}"
    return Finding(check="TensorFlow", verdict="ok", found=f"{installed}: {made_for}", facts=facts)


def _driver(seen: GpuSurroundings) -> Finding:
    if seen.driver:
        return Finding(check="NVIDIA driver", verdict="ok", found="; ".join(seen.driver))
    if seen.driver is not None:
        return Finding(check="NVIDIA driver", verdict="problem", found="nvidia-smi is installed and lists no GPU",
                       to_do="Run nvidia-smi: it says whether the driver is loaded and fits the kernel.")  # fmt: skip
    if seen.device_files:
        return Finding(check="NVIDIA driver", verdict="note", found="/dev/nvidia* exist, but there is no nvidia-smi",
                       to_do="In a container: start it with --gpus all, with NVIDIA's container toolkit.")  # fmt: skip
    return Finding(check="NVIDIA driver", verdict="note", found="none: no nvidia-smi and no /dev/nvidia*",
                   to_do="With an NVIDIA GPU in this machine: install its driver. In a container: "
                         "start it with --gpus all.")  # fmt: skip


def _variables(seen: GpuSurroundings) -> Finding | None:
    if seen.visible is None:
        return None
    if seen.visible.strip() in ("", "-1", "none", "NoDevFiles"):
        return Finding(check="CUDA_VISIBLE_DEVICES", verdict="problem", found=f"{seen.visible!r} hides every GPU",
                       to_do="unset CUDA_VISIBLE_DEVICES")  # fmt: skip
    return Finding(check="CUDA_VISIBLE_DEVICES", verdict="note", found=f"{seen.visible!r}: only these are used")


def _libraries(seen: GpuSurroundings) -> Finding | None:
    facts = seen.tensorflow
    if facts is None or not facts["cuda_build"] or facts["devices"] or not seen.driver:
        return None
    missing = sorted({one or other for one, other in _LIBRARY.findall(seen.said)})
    if missing:
        return Finding(check="CUDA libraries", verdict="problem", found=f"not found: {', '.join(missing)}",
                       to_do='pip install "tensorflow[and-cuda]" brings them.')  # fmt: skip
    return Finding(check="CUDA libraries", verdict="problem", found="TensorFlow cannot use the GPU that the driver has",
                   to_do='pip install "tensorflow[and-cuda]" brings the libraries; a driver older than they need '
                         "has to be renewed.")  # fmt: skip


def _devices(seen: GpuSurroundings) -> Finding:
    facts = seen.tensorflow
    devices = facts["devices"] if facts else []
    if not devices:
        return Finding(check="GPUs", verdict="note", found="TensorFlow sees none: training runs on the CPU",
                       to_do="--require-gpu makes that an error.")  # fmt: skip
    assert facts is not None
    listed = "; ".join(map(_device, devices))
    return Finding(check="GPUs", verdict="ok", found=f"{listed}; training takes {facts['precision']}")


def _device(device: dict[str, Any]) -> str:
    capability = f", compute capability {device['compute_capability']}" if device["compute_capability"] else ""
    memory = f", {device['memory_bytes'] / 2**30:.1f} GiB" if device["memory_bytes"] else ""
    return f"{device['name']}{capability}{memory}"
