"""Why no GPU is used, and what to do, from what was observed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowerops.domain.doctor import Finding
from flowerops.domain.gpu import GpuSurroundings, gpu_findings

CPU_BUILD: dict[str, Any] = {
    "tensorflow": "2.21.0", "cuda_build": False, "cuda": None, "cudnn": None, "devices": [], "precision": "float32",
}  # fmt: skip
CUDA_BUILD = {**CPU_BUILD, "cuda_build": True, "cuda": "12.5", "cudnn": "9"}
L4 = {"name": "NVIDIA L4", "compute_capability": "8.9", "memory_bytes": 22 << 30}
DRIVER = ["NVIDIA L4, 550.54.15, 23034 MiB"]
BARE = GpuSurroundings({"tensorflow-cpu": "2.21.0"}, None, None, False, CPU_BUILD)
WITH_GPU = GpuSurroundings({"tensorflow": "2.21.0"}, None, DRIVER, True, CUDA_BUILD)
LOADER = "dso_loader.cc:59] Could not load dynamic library 'libcudnn.so.9'; dlerror: libcudnn.so.9: cannot open"


def by_check(seen: GpuSurroundings) -> dict[str, Finding]:
    return {finding.check: finding for finding in gpu_findings(seen)}


def test_a_machine_without_a_gpu_has_no_problem() -> None:
    found = by_check(BARE)
    assert {finding.verdict for finding in found.values()} == {"note"}
    assert "the CPU" in found["GPUs"].found


def test_a_gpu_that_is_used_is_told_with_its_figures() -> None:
    found = by_check(replace(WITH_GPU, tensorflow={**CUDA_BUILD, "devices": [L4], "precision": "bfloat16"}))
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert found["GPUs"].found == "NVIDIA L4, compute capability 8.9, 22.0 GiB; training takes bfloat16"


@pytest.mark.parametrize(
    ("seen", "check", "words"),
    [
        (replace(BARE, driver=DRIVER), "TensorFlow", "tensorflow[and-cuda]"),
        (replace(WITH_GPU, visible=""), "CUDA_VISIBLE_DEVICES", "unset"),
        (replace(WITH_GPU, said=LOADER), "CUDA libraries", "tensorflow[and-cuda]"),
        (replace(WITH_GPU), "CUDA libraries", "renewed"),
        (replace(WITH_GPU, driver=[]), "NVIDIA driver", "nvidia-smi"),
        (replace(WITH_GPU, tensorflow=None, said="Illegal instruction"), "TensorFlow", "Install it anew"),
        (replace(BARE, packages={}, tensorflow=None), "TensorFlow", "flowerops[train]"),
    ],
)
def test_each_reason_is_a_problem_with_its_remedy(seen: GpuSurroundings, check: str, words: str) -> None:
    finding = by_check(seen)[check]
    assert finding.verdict == "problem"
    assert words in str(finding.to_do)


def test_a_missing_library_is_named() -> None:
    assert "libcudnn.so.9" in by_check(replace(WITH_GPU, said=LOADER))["CUDA libraries"].found


def test_a_container_without_its_gpu_is_told_from_a_machine_without_a_driver() -> None:
    assert "--gpus all" in str(by_check(replace(BARE, device_files=True))["NVIDIA driver"].to_do)
