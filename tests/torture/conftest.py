"""Homes that the torture tests copy and then ill-treat."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command import clean_environment
from helpers.trained_home import copy_place

_PATIENCE_S = 900
"""How long a slow test may take; on a machine with other work to do some need more than the usual five minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_PATIENCE_S))


@pytest.fixture(scope="session")
def trained_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos/` and a home in which a run was trained and evaluated; copy it before changing it."""
    place = tmp_path_factory.mktemp("trained")
    tests = str(Path(__file__).parents[1])
    subprocess.run(
        [sys.executable, "-m", "helpers.trained_home", str(place)],
        env=clean_environment(PYTHONPATH=tests),
        capture_output=True,
        check=True,
        timeout=240,
    )
    return place


@pytest.fixture
def trained(trained_place: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return copy_place(trained_place, tmp_path / "place")
