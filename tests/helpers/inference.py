"""The real inference server over the tiny bundle, for the tests of a file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVE_PYTHON = ROOT / ".venv-serve/bin/python"


def require_serve_environment() -> Path:
    """The interpreter of the inference server's environment; without it the test is skipped, but never in a build."""
    if not SERVE_PYTHON.is_file():
        if os.environ.get("CI") or os.environ.get("TF_BUILD"):
            pytest.fail("no .venv-serve: run make serve-env")
        pytest.skip("no .venv-serve: run make serve-env")
    return SERVE_PYTHON


def registered(bundle: Path, folder: Path) -> Path:
    """A bundle as an endpoint sees it: below the model's folder, under the name that it was registered from."""
    shutil.copytree(bundle, folder / "flower_classifier")
    return folder
