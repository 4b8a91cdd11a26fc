"""data preview and the hygiene of data show, through the real command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpers.command import flowerops
from helpers.photos import make_photos, photo_bytes

SMALL = '{"preprocessing": {"image_size": 48, "max_bad": 0.5}}'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preview")
    make_photos(folder / "photos", per_class=20, size=(96, 80))
    (folder / "photos/daisy/both.jpg").write_bytes(photo_bytes(700))
    (folder / "photos/roses/both.jpg").write_bytes(photo_bytes(700))
    shutil.copy(folder / "photos/roses/roses_0001.jpg", folder / "photos/roses/zz_copy.jpg")
    done = flowerops("preprocess", "--data-folder", "photos", "--params", SMALL, "--json", cwd=folder)
    assert done.code == 0, done.stdout + done.stderr
    return folder


def test_the_preview_of_a_raw_version_shows_what_was_made_of_it(place: Path) -> None:
    done = flowerops("data", "preview", "flowers", "--json", cwd=place)
    assert done.code == 0, done.stdout + done.stderr
    document = done.document
    assert (document["name"], document["version"]) == ("flowers_processed", 1)
    page = Path(document["page"])
    assert page == (place / "flowers_processed-1-preview.html").resolve()
    assert page.stat().st_size == document["bytes"]
    assert document["shown"] == document["images"] == 40
    assert any("under more than one label" in sentence for sentence in document["warnings"])
    html = page.read_text(encoding="utf-8")
    assert html.count("data:image/jpeg;base64,") == 40 + 2 + 2  # contact sheets, the conflict, and the exact copies
    assert html.count(">left out</span>") == 3


def test_the_page_is_the_same_for_the_same_version(place: Path) -> None:
    for name in ("one.html", "two.html"):
        assert flowerops("data", "preview", "flowers_processed:1", "--out", name, cwd=place).code == 0
    assert (place / "one.html").read_bytes() == (place / "two.html").read_bytes()


def test_per_class_bounds_the_contact_sheets(place: Path) -> None:
    done = flowerops("data", "preview", "flowers", "--per-class", "3", "--out", "few.html", "--json", cwd=place)
    assert done.document["shown"] == 6


def test_people_read_the_page_and_the_warnings(place: Path) -> None:
    said = flowerops("data", "preview", "flowers", "--out", "people.html", cwd=place).stdout
    assert "people.html" in said
    assert "40 of 40 images" in said
    assert "under more than one label" in said


def test_data_show_says_the_hygiene_warnings_first(place: Path) -> None:
    document = flowerops("data", "show", "flowers_processed", "--json", cwd=place).document
    assert document["hygiene"]["conflicts"]["items"] == [["daisy/both.jpg", "roses/both.jpg"]]
    assert document["hygiene"]["duplicates"]["count"] == 1
    assert document["hygiene"]["classes"] == {"daisy": 20, "roses": 20}
    said = flowerops("data", "show", "flowers_processed", cwd=place).stdout
    assert said.index(document["warnings"][0]) < said.index("files ")
    assert "daisy/both.jpg = roses/both.jpg" in said


def test_a_raw_version_has_no_hygiene_yet(place: Path) -> None:
    assert "hygiene" not in flowerops("data", "show", "flowers", "--json", cwd=place).document


def test_a_dataset_that_is_not_there_is_bad_input(place: Path) -> None:
    done = flowerops("data", "preview", "flower", "--json", cwd=place)
    assert done.code == 3
    assert "flowers" in done.document["error"]["hint"]


def test_an_output_that_is_a_folder_is_a_usage_error(place: Path) -> None:
    done = flowerops("data", "preview", "flowers", "--out", "photos", "--json", cwd=place)
    assert done.code == 2
    assert "photos" in done.document["error"]["message"]


def test_a_version_whose_photos_are_damaged_is_an_integrity_error(place: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(place / ".flowerops", home)
    for shard in home.glob("datasets/flowers_processed/*/data/*.parquet"):
        data = bytearray(shard.read_bytes())
        middle = slice(len(data) // 4, len(data) // 2)
        data[middle] = bytes(len(data[middle]))
        shard.write_bytes(bytes(data))
    done = flowerops("data", "preview", "flowers", "--home", home, "--out", tmp_path / "page.html", "--json", cwd=place)
    assert done.code == 5, done.stdout + done.stderr
    assert not (tmp_path / "page.html").exists()


def test_a_raw_version_that_was_not_preprocessed_says_what_to_do(place: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(place / ".flowerops", home)
    shutil.rmtree(home / "datasets" / "flowers_processed")
    done = flowerops("data", "preview", "flowers", "--home", home, "--json", cwd=place)
    assert done.code == 3
    assert "flowerops preprocess --dataset flowers:1" in done.document["error"]["hint"]
