"""Torture case 21: neither order, place nor workers change a version, and growth moves no photo to another split."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from helpers.command import flowerops
from helpers.photos import make_photos, photo_bytes


def preprocess(place: Path, folder: Path, *more: str) -> dict[str, Any]:
    arguments = ("preprocess", "--data-folder", folder, "--image-size", "32", *more, "--json")
    return flowerops(*arguments, cwd=place).document


def splits(place: Path, version: int) -> dict[str, str]:
    """The split of every photo, by its SHA-256."""
    name = f"flowers_processed:{version}"
    folder = flowerops("data", "show", name, "--json", cwd=place).document["folder"]
    rows = (json.loads(line) for line in (Path(folder) / "files.jsonl").read_text().splitlines())
    return {row["sha256"]: row["split"] for row in rows}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stable")
    make_photos(place / "photos", per_class=20, size=(24, 20))
    return place


@pytest.fixture(scope="module")
def first(place: Path) -> dict[str, Any]:
    return preprocess(place, place / "photos", "--workers", "1")


def test_another_order_place_home_and_number_of_workers_give_the_same_digests(
    place: Path, first: dict[str, Any], tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted elsewhere"
    for photo in sorted((place / "photos").rglob("*.jpg"), reverse=True):
        copy = mounted / photo.relative_to(place / "photos")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, copy)
    other = preprocess(tmp_path, mounted, "--workers", "4")
    assert other["raw"]["digest"] == first["raw"]["digest"]
    assert other["processed"]["digest"] == first["processed"]["digest"]
    assert other["processed"]["splits"] == first["processed"]["splits"]


def test_one_photo_more_moves_no_other(place: Path, first: dict[str, Any]) -> None:
    before = splits(place, 1)
    (place / "photos/daisy/aaa.jpg").write_bytes(photo_bytes(999, (24, 20)))
    grown = preprocess(place, place / "photos")
    assert (grown["processed"]["version"], grown["decoded"]) == (2, 1)
    after = splits(place, 2)
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()
