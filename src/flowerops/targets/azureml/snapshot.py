"""The code that a job runs: this package as it is installed here, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import flowerops

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")


def code_snapshot(folder: Path) -> Path:
    """Fill an empty folder with the package; equal code gives equal files, so the service stores it once."""
    package = Path(flowerops.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=_LEFT_OUT)
    return folder
