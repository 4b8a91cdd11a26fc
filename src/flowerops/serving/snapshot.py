"""The code of a deployment: the scoring script and the rooms of the package that it needs, nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from flowerops.io.atomic import atomic_write

ENTRY_FILE = "score.py"
ROOMS = ("domain", "errors.py", "images", "io", "serving", "__init__.py")
_SCORE = """from azureml_inference_server_http.api.aml_request import rawhttp

from flowerops.serving.azureml_entry import init, run

run = rawhttp(run)
"""
_PACKAGE = Path(__file__).resolve().parents[1]


def serving_snapshot(folder: Path) -> Path:
    """Write the code that an inference server runs; the same package always gives the same files.

    Args:
        folder: An empty one, or one that is not there yet.

    Returns:
        The folder.
    """
    copy_rooms(folder)
    atomic_write(folder / ENTRY_FILE, _SCORE)
    return folder


def copy_rooms(folder: Path) -> None:
    """Copy the rooms of the package that scoring needs into `folder/flowerops`."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for room in ROOMS:
        source, copy = _PACKAGE / room, folder / "flowerops" / room
        if source.is_dir():
            shutil.copytree(source, copy, ignore=ignored)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
