from __future__ import annotations

import csv
import os
import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flowerops.datasets.export import Names, safe_path
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import RawVersion
from flowerops.domain.names import Selector
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.hashing import sha256_bytes
from flowerops.io.new_folder import new_folder
from flowerops.services.export import ExportRequest, export, plan
from helpers.photos import photo_bytes
from helpers.tiny_store import SIZE, TinyStore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TinyStore:
    store = TinyStore(tmp_path_factory.mktemp("store"))
    photos = store.photos()
    (photos / "daisy/deep/er").mkdir(parents=True)
    (photos / "daisy/deep/er/one.two.jpg").write_bytes(photo_bytes(900))
    (photos / "daisy/deep/er/one.two.png").write_bytes(photo_bytes(901))
    (photos / 'daisy/ünï, "code" ☘.jpg').write_bytes(photo_bytes(902))
    store.add(photos)
    return store


def run(store: TinyStore, name: str, folder: Path, layout: str = "folders") -> dict:  # type: ignore[type-arg]
    request = ExportRequest(Selector(name), folder, layout)  # type: ignore[arg-type]
    return export(store.target, request, SilentProgress())


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_raw_version_comes_out_byte_for_byte_as_it_went_in(made, tmp_path):
    document = run(made, "flowers", tmp_path / "out")
    assert files(tmp_path / "out") == files(made.root / "photos")
    assert document["files"] == 27
    assert document["folder"] == str(tmp_path / "out")


def test_what_was_exported_is_the_same_version_again(made, tmp_path):
    run(made, "flowers", tmp_path / "out")
    assert made.target.datasets.number(made.unnumbered(tmp_path / "out")).version == 1


def test_the_csv_names_every_photo_with_its_facts(made, tmp_path):
    run(made, "flowers", tmp_path / "out", "csv")
    rows = {line["path"]: line for line in lines(tmp_path / "out")}
    assert set(rows) | {"labels.csv"} == set(files(tmp_path / "out"))
    line = rows["daisy/daisy_0003.jpg"]
    assert line["sha256"] == sha256_bytes((made.root / "photos/daisy/daisy_0003.jpg").read_bytes())
    assert (line["label"], line["width"], line["height"]) == ("daisy", "48", "40")
    assert line["split"] in ("train", "val", "test")


def test_a_processed_version_comes_out_as_its_squares(made, tmp_path):
    run(made, "flowers_processed", tmp_path / "out", "csv")
    version = ProcessedVersion(made.target.datasets.find(Selector("flowers_processed")).folder)
    out = files(tmp_path / "out")
    assert len(out) == len(version.rows) + 1
    by_sha = {line["sha256"]: line for line in lines(tmp_path / "out")}
    for split in ("train", "val", "test"):
        images = version.split(split)
        for index, row in enumerate(images.rows):
            path = by_sha[row.sha256]["path"]
            assert path.startswith(f"{split}/{row.label}/")
            assert path.endswith(".png")
            with Image.open(BytesIO(out[path])) as image:
                assert image.size == (SIZE, SIZE)
                assert np.array_equal(np.asarray(image), images.pixels([index])[0])


def test_names_that_differ_in_their_suffix_only_do_not_overwrite_each_other(made, tmp_path):
    run(made, "flowers_processed", tmp_path / "out")
    assert len([name for name in files(tmp_path / "out") if "/daisy/deep/er/one.two" in name]) == 2


def test_an_empty_folder_is_filled_and_another_is_refused(made, tmp_path):
    (tmp_path / "empty").mkdir()
    run(made, "flowers", tmp_path / "empty")
    assert len(files(tmp_path / "empty")) == 27
    with pytest.raises(BadInputError, match="is not empty"):
        run(made, "flowers", tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInputError, match="is a file"):
        run(made, "flowers", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"


def test_a_plan_writes_nothing(made, tmp_path):
    document = plan(made.target, ExportRequest(Selector("flowers"), tmp_path / "out", "csv"))
    assert document["files"] == 27
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_photo_stops_the_export_and_leaves_nothing(made, tmp_path):
    shutil.copytree(made.root / "home", tmp_path / "home")
    store = TinyStore(tmp_path)
    version = RawVersion(store.target.datasets.find(Selector("flowers")).folder)
    sha256 = version.rows[20].sha256
    (store.home.objects / sha256[:2] / sha256[2:]).write_bytes(b"x")
    with pytest.raises(StoreIntegrityError, match="corrupt"):
        run(store, "flowers", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "", "a/", "..", "a\0b", "daisy/../../../x.jpg"]
)
def test_a_path_that_leads_out_of_the_folder_is_refused(path: str) -> None:
    with pytest.raises(StoreIntegrityError, match="not one inside a folder"):
        safe_path(path)


@given(st.text(max_size=30))
def test_whatever_passes_stays_inside(path: str) -> None:
    try:
        given_path = Names().give(path, "0" * 64)
    except StoreIntegrityError:
        return
    assert os.path.normpath(os.path.join("/root/out", given_path)).startswith("/root/out/")


def test_names_are_told_apart_where_the_disk_does_not_tell_cases_apart() -> None:
    names = Names()
    assert names.give("a/Photo.JPG", "1" * 64) == "a/Photo.JPG"
    assert names.give("a/photo.jpg", "2" * 64) == "a/photo~22222222.jpg"


def test_a_folder_that_somebody_fills_meanwhile_is_left_alone(tmp_path):
    from flowerops.errors import ConflictError

    with pytest.raises(ConflictError, match="taken meanwhile"), new_folder(tmp_path / "out") as temp:
        (temp / "mine").write_text("x")
        (tmp_path / "out").mkdir()
        (tmp_path / "out/theirs").write_text("y")
    assert files(tmp_path) == {"out/theirs": b"y"}
