"""Torture case 10: a store that may not be written is read all the same, and every write says that it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.command import Outcome, flowerops
from helpers.trained_home import copy_place
from helpers.unprivileged import as_nobody, open_folder


@pytest.fixture(scope="module")
def place(trained_place: Path) -> Iterator[Path]:
    """A trained home with a registered model, which nobody may write."""
    with open_folder() as folder:
        place = copy_place(trained_place, folder / "place")
        assert flowerops("register", cwd=place).code == 0
        for path in [place, *place.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield place


def on(place: Path, *arguments: str) -> Outcome:
    return flowerops(*arguments, cwd=place, wrapper=as_nobody())


def listing(place: Path) -> list[tuple[Path, int]]:
    return [(path, path.stat().st_mtime_ns) for path in sorted(place.rglob("*"))]


@pytest.mark.slow
def test_reads_work(place: Path) -> None:
    before = listing(place)
    for reading in (
        ("data", "list"),
        ("data", "show", "flowers"),
        ("data", "diff", "flowers:1", "flowers:1"),
        ("verify",),
        ("lineage", "flower_classifier"),
        ("predict", "photos/daisy/daisy_0000.jpg"),
        ("preprocess", "--data-folder", "photos", "--dry-run"),
    ):
        outcome = on(place, *reading, "--json")
        assert outcome.code == 0, (reading, outcome)
    assert listing(place) == before


def test_a_version_is_exported_from_it(place: Path, tmp_path: Path) -> None:
    with open_folder() as elsewhere:
        elsewhere.chmod(0o777)
        assert on(place, "data", "export", "flowers", str(elsewhere / "out"), "--json").document["files"] == 16


def test_writes_say_that_it_is_not_writable_and_write_nothing(place: Path) -> None:
    before = listing(place)
    for writing in (
        ("preprocess", "--data-folder", "photos", "--image-size", "44"),  # nothing to compute, only a number
        ("preprocess", "--image-size", "32"),
        ("evaluate",),
        ("register",),
        ("deploy",),
        ("data", "rm", "flowers_processed:1"),
        ("gc",),
    ):
        outcome = on(place, *writing)
        assert outcome.code == 2, (writing, outcome)
        assert "error: not writable: " in outcome.stderr, (writing, outcome)
        assert "permissions" in outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert listing(place) == before
