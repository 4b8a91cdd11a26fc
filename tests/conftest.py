"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed bundle with a real model of two classes (daisy, roses), made once; copy it before changing it."""
    from helpers.tiny_bundle import make_bundle

    folder = tmp_path_factory.mktemp("bundle") / "tiny"
    make_bundle(folder)
    return folder
