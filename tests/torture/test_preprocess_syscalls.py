"""Torture case 1, through the kernel: the real preprocess, killed and failed in its system calls."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from helpers.command import flowerops
from helpers.trained_home import SIZE
from torture.harness import leftovers
from torture.syscalls import RENAMES, faulty

PREPROCESS = ["preprocess", "--data-folder", "photos", "--image-size", SIZE]
KILLS = (("fsync", 4), ("fdatasync", 10), (RENAMES, 6), ("fdatasync", 34))
"""While the raw version is published, the run begins, the step writes (it renames the most) and the run ends."""
STEP_DIED = 7


@pytest.fixture
def place(trained_place: Path, tmp_path: Path) -> Path:
    """The photos, and a home with nothing but a ledger of runs."""
    shutil.copytree(trained_place / "photos", tmp_path / "photos")
    (tmp_path / ".flowerops").mkdir()
    shutil.copy(trained_place / ".flowerops/mlflow.db", tmp_path / ".flowerops")
    return tmp_path


def digests(place: Path) -> dict[str, str]:
    items = flowerops("data", "list", "--json", cwd=place).document["items"]
    return {f"{item['name']}:{item['version']}": item["digest"] for item in items}


def verify(place: Path) -> None:
    assert flowerops("data", "verify", "--json", cwd=place).document["problems"] == []


@pytest.mark.slow
def test_killed_in_its_writes_it_completes_later_with_the_same_digests(place: Path, trained_place: Path) -> None:
    for calls, at in KILLS:
        outcome = flowerops(*PREPROCESS, cwd=place, wrapper=faulty(calls, "signal=KILL", at))
        assert outcome.code in (-signal.SIGKILL, STEP_DIED), outcome
        verify(place)
    assert flowerops(*PREPROCESS, cwd=place).code == 0
    assert digests(place) == digests(trained_place)
    verify(place)


def test_a_rename_without_room_ends_it_with_9_and_nothing_half(place: Path) -> None:
    outcome = flowerops(*PREPROCESS, cwd=place, wrapper=faulty(RENAMES, "error=ENOSPC", 2))
    assert outcome.code == 9, outcome
    assert "no room left on the disk" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert leftovers(place / ".flowerops") == []
    assert digests(place) == {}
