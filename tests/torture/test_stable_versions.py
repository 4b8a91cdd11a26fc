"""Torture case 21: neither order, place nor workers change a version, and growth moves no photo to another split."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from helpers.command import flowerops
from helpers.photos import photo_bytes
from helpers.trained_home import SIZE


def preprocess(place: Path, folder: Path, *more: str) -> dict[str, Any]:
    arguments = ("preprocess", "--data-folder", folder, "--image-size", SIZE, *more, "--json")
    return flowerops(*arguments, cwd=place).document


def digests(place: Path) -> dict[str, str]:
    items = flowerops("data", "list", "--json", cwd=place).document["items"]
    return {f"{item['name']}:{item['version']}": item["digest"] for item in items}


def splits(place: Path, version: int) -> dict[str, str]:
    """The split of every photo, by its SHA-256."""
    name = f"flowers_processed:{version}"
    folder = flowerops("data", "show", name, "--json", cwd=place).document["folder"]
    rows = (json.loads(line) for line in (Path(folder) / "files.jsonl").read_text().splitlines())
    return {row["sha256"]: row["split"] for row in rows}


def test_another_order_place_home_and_number_of_workers_give_the_same_digests(
    trained_place: Path, tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted elsewhere"
    for photo in sorted((trained_place / "photos").rglob("*.jpg"), reverse=True):
        copy = mounted / photo.relative_to(trained_place / "photos")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, copy)
    preprocess(tmp_path, mounted, "--workers", "7")
    assert digests(tmp_path) == digests(trained_place)


def test_one_photo_more_moves_no_other(trained: Path) -> None:
    before = splits(trained, 1)
    (trained / "photos/daisy/aaa.jpg").write_bytes(photo_bytes(999, (24, 20)))
    grown = preprocess(trained, trained / "photos")
    assert (grown["processed"]["version"], grown["decoded"]) == (2, 1)
    after = splits(trained, 2)
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()
