"""Write conda/*.yml from the locks, so that conda, Azure ML and pip agree on every version.

`train` and `serve` become Azure ML environments: a conda file cannot carry hashes in its list, so every package is
pinned with `==`, and the digest of the file is the environment's version. `ci` and `dev` are for machines of people and
build agents: they read the lock itself, hashes included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
PYTHON = "3.11"
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*==[^ ;\\]+)(?: ; ([^\\]*))?", re.MULTILINE)
_CLOUD = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON}.0",
    "python_version": PYTHON,
    "sys_platform": "linux",
}
"""The machines of Azure ML, for the markers of the lock."""


def conda_files() -> dict[str, str]:
    """The text of every file in conda/, by name."""
    train = list(_pins("azure-train"))
    # TensorFlow for a GPU brings CUDA itself, in the versions that it was built for.
    gpu = [re.sub(r"^tensorflow-cpu==", "tensorflow[and-cuda]==", pin) for pin in train]
    hashed = ["-r ../locks/dev.txt"]
    return {
        "train.yml": _conda("flowerops-train", "azure-train", train),
        "train-gpu.yml": _conda("flowerops-train-gpu", "azure-train", gpu),
        "serve.yml": _conda("flowerops-serve", "azure-serve", list(_pins("azure-serve"))),
        "ci.yml": _conda("flowerops-ci", "dev", hashed, ["make", "nodejs>=20"]),
        "dev.yml": _conda("flowerops-dev", "dev", hashed, ["git", "make", "nodejs>=20"]),
    }


def _pins(lock: str) -> Iterator[str]:
    for pin, marker in _PIN.findall((ROOT / f"locks/{lock}.txt").read_text(encoding="utf-8")):
        if not marker or Marker(marker.strip()).evaluate(_CLOUD):
            yield pin


def _conda(name: str, lock: str, pip: list[str], conda: list[str] | None = None) -> str:
    lines = [
        f"# Written by locks/conda.py from locks/{lock}.txt; run `make conda` instead of changing it here.",
        f"name: {name}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        *(f"  - {package}" for package in [f"python={PYTHON}", "pip", *(conda or [])]),
        "  - pip:",
        *(f"      - {package}" for package in pip),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for file, text in conda_files().items():
        (ROOT / "conda" / file).write_text(text, encoding="utf-8")
