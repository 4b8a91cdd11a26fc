"""A new folder becomes a new version: exactly that folder, or the latest version and that folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpers.command import Outcome, flowerops
from helpers.photos import make_photos


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retrain")
    make_photos(folder / "photos", classes=("daisy", "roses", "tulips"), per_class=8)
    make_photos(folder / "more", classes=("daisy", "lily"), per_class=16, seed=78)
    first = next((folder / "photos" / "daisy").iterdir())
    shutil.copyfile(first, folder / "more" / "daisy" / "known.jpg")
    assert _preprocess(folder, "photos").code == 0
    return folder


def _preprocess(place: Path, folder: str, *options: str) -> Outcome:
    return flowerops("preprocess", "--data-folder", folder, "--image-size", "48", *options, "--json", cwd=place)


def _versions(place: Path) -> list[str]:
    items = flowerops("data", "list", "--json", cwd=place).document["items"]
    return sorted(f"{item['name']}:{item['version']}" for item in items)


def test_losing_classes_is_refused_and_both_choices_are_named(place: Path) -> None:
    outcome = _preprocess(place, "more")
    assert outcome.code == 3
    error = outcome.document["error"]
    assert "roses, tulips" in error["message"]
    assert "--extend" in error["hint"]
    assert "--replace" in error["hint"]
    assert _versions(place) == ["flowers:1", "flowers_processed:1"]


def test_a_dry_run_prints_the_plan_and_stores_nothing(place: Path) -> None:
    stored = sorted((place / ".flowerops" / "objects").rglob("*"))
    plan = _preprocess(place, "more", "--extend", "--dry-run").document
    assert plan["summary"].startswith('+32 files, +1 class "lily"')
    assert plan["changes"]["added"] == 32
    assert sorted((place / ".flowerops" / "objects").rglob("*")) == stored
    assert _versions(place) == ["flowers:1", "flowers_processed:1"]


def test_extend_adds_to_the_latest_version_and_decodes_only_what_is_new(place: Path) -> None:
    document = _preprocess(place, "more", "--extend").document
    assert document["raw"]["version"] == 2
    assert document["raw"]["classes"] == {"daisy": 24, "lily": 16, "roses": 8, "tulips": 8}
    assert document["decoded"] == 32
    assert document["carried_over"] == 24
    assert document["changes"]["classes_added"] == ["lily"]
    assert document["changes"]["removed"] == 0


def test_replace_makes_a_version_of_exactly_the_folder(place: Path) -> None:
    document = _preprocess(place, "more", "--replace").document
    assert document["raw"]["classes"] == {"daisy": 17, "lily": 16}
    assert document["changes"]["classes_removed"] == ["roses", "tulips"]
    assert document["decoded"] == 0


def test_explain_names_the_first_input_that_differs(place: Path) -> None:
    again = flowerops("preprocess", "--image-size", "48", "--explain", cwd=place)
    assert "reused:" in again.stdout
    other = flowerops("preprocess", "--image-size", "56", "--explain", cwd=place)
    assert "ran: image_size is 56, in flowers_processed:3 it was 48" in other.stdout


@pytest.mark.parametrize("options", [("--extend", "--replace"), ("--extend",)])
def test_extend_and_replace_need_a_folder_and_exclude_each_other(place: Path, options: tuple[str, ...]) -> None:
    folder = ("--data-folder", "more") if len(options) == 2 else ()
    assert flowerops("preprocess", *folder, *options, cwd=place).code == 2
