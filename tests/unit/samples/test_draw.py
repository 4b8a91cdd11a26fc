from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from flowerops.errors import BadInputError
from flowerops.images import ImageRejectedError, prepare_image
from flowerops.io.hashing import sha256_file
from flowerops.samples import LABELS, MARK, draw_sample_set, is_sample_set

PER_CLASS = 4
DRAWN = "*_00*.jpg"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "flowers"
    draw_sample_set(folder, PER_CLASS)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in folder.rglob("*") if path.is_file()}


def test_there_is_a_folder_a_class_with_the_asked_number_of_pictures(drawn):
    assert sorted(path.name for path in drawn.iterdir() if path.is_dir()) == sorted(LABELS)
    for label in LABELS:
        good = [path for path in (drawn / label).glob(f"{label}_[0-9]*.jpg") if "copy" not in path.name]
        assert len(good) == PER_CLASS


def test_the_same_seed_draws_the_same_bytes_and_another_seed_others(drawn, tmp_path):
    draw_sample_set(tmp_path / "again", PER_CLASS)
    assert hashes(tmp_path / "again") == hashes(drawn)
    draw_sample_set(tmp_path / "other", 2, seed=8)
    assert not {sha256_file(path) for path in (tmp_path / "other").rglob(DRAWN)} & set(hashes(drawn).values())


def test_a_larger_set_begins_with_the_smaller_one(drawn, tmp_path):
    draw_sample_set(tmp_path / "small", 2)
    small, large = hashes(tmp_path / "small"), hashes(drawn)
    assert all(large[name] == digest for name, digest in small.items())


def test_the_set_says_that_it_is_synthetic_everywhere(drawn, tmp_path):
    assert (drawn / "README.txt").read_text().startswith("SYNTHETIC")
    assert is_sample_set(drawn)
    assert not is_sample_set(tmp_path)
    for path in drawn.rglob(DRAWN):
        with Image.open(path) as image:
            assert image.info["comment"] == MARK.encode()


def test_pictures_differ_in_size_and_lie_within_the_limits(drawn):
    sizes = []
    for path in drawn.rglob(DRAWN):
        with Image.open(path) as image:
            sizes.append(image.size)
        assert 2_000 < path.stat().st_size < 250_000
    assert all(240 <= side <= 640 for size in sizes for side in size)
    assert len(set(sizes)) > 5
    assert any(width < height for width, height in sizes)
    assert any(width > height for width, height in sizes)


def test_two_files_cannot_be_read_and_all_others_can(drawn):
    rejected = {}
    for path in (path for label in LABELS for path in (drawn / label).iterdir()):
        try:
            assert prepare_image(path.read_bytes(), 32).pixels.std() > 3
        except ImageRejectedError as error:
            rejected[path.name] = error.reason
    assert set(rejected) == {"roses_cut_off.jpg", "tulips_not_found.jpg"}
    assert "truncated" in rejected["roses_cut_off.jpg"]


def test_one_copy_lies_in_its_class_and_one_picture_under_two_labels(drawn):
    places: dict[str, list[str]] = {}
    for name, digest in hashes(drawn).items():
        places.setdefault(digest, []).append(name.split("/")[0])
    repeated = sorted(sorted(labels) for labels in places.values() if len(labels) > 1)
    assert repeated == [["daisy", "sunflowers"], ["dandelion", "dandelion"]]


def test_the_odd_files_are_what_they_claim(drawn):
    with Image.open(drawn / "roses" / "roses_print.jpg") as image:
        assert image.mode == "CMYK"
    with Image.open(drawn / "daisy" / "daisy_phone.jpg") as image:
        assert image.getexif()[0x0112] == 6
        lying = image.size
    upright = prepare_image((drawn / "daisy" / "daisy_phone.jpg").read_bytes(), 32)
    assert (upright.width, upright.height) == lying[::-1]
    with Image.open(drawn / "sunflowers" / "sunflowers_16bit.png") as image:
        assert image.mode == "I;16"
    with Image.open(drawn / "tulips" / "tulips_web.gif") as image:
        assert image.mode == "P"
    kinds = Counter(path.suffix for path in drawn.rglob("*") if path.is_file())
    assert kinds[".png"] == kinds[".gif"] == 1


def test_files_of_the_user_are_never_overwritten(tmp_path):
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(BadInputError, match="not empty"):
        draw_sample_set(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jpg"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    draw_sample_set(tmp_path / "empty", 2)
    assert is_sample_set(tmp_path / "empty")


def test_one_picture_a_class_is_too_few(tmp_path):
    with pytest.raises(BadInputError, match="too few"):
        draw_sample_set(tmp_path / "one", 1)
    assert not list(tmp_path.iterdir())
