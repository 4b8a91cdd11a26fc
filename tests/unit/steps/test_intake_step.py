"""intake as a step: a folder of photos becomes a raw version that carries its photos."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.datasets.raw import NewPhotos, RawVersion, ingest
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import Provenance, VersionManifest
from flowerops.domain.params import Mode
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError
from flowerops.steps.intake import IntakeInput, intake
from helpers.photos import make_photos, photo_bytes

PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())


def take(photos: Path, out: Path, base: Path | None = None, mode: Mode | None = None) -> VersionManifest:
    out.mkdir()
    return intake(IntakeInput(photos, "flowers", base, mode, PROVENANCE), out, SilentProgress())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    make_photos(tmp_path / "photos", per_class=3)
    (tmp_path / "photos" / "daisy" / "Thumbs.db").write_bytes(b"x")
    return tmp_path / "photos"


def test_the_version_is_the_one_that_the_local_target_would_make(photos, tmp_path):
    local = ingest(NewPhotos(scan_folder(photos), "flowers"), tmp_path / "home", PROVENANCE, SilentProgress())
    manifest = take(photos, tmp_path / "out")
    assert manifest == RawVersion(local).manifest


def test_it_carries_its_photos(photos, tmp_path):
    take(photos, tmp_path / "out")
    version = RawVersion(tmp_path / "out")
    assert [version.read(row) for row in version.rows] == [(photos / row.path).read_bytes() for row in version.rows]
    assert not (tmp_path / "out" / "daisy" / "Thumbs.db").exists()


def test_extend_adds_to_the_base_and_carries_both(photos, tmp_path):
    take(photos, tmp_path / "first")
    more = tmp_path / "more"
    (more / "tulips").mkdir(parents=True)
    (more / "daisy").mkdir()
    (more / "tulips" / "1.jpg").write_bytes(photo_bytes(900))
    (more / "daisy" / "daisy_0000.jpg").write_bytes(photo_bytes(901))  # another photo under a name that is taken
    manifest = take(more, tmp_path / "second", tmp_path / "first", "extend")
    assert manifest.classes == {"daisy": 4, "roses": 3, "tulips": 1}
    version = RawVersion(tmp_path / "second")
    assert len({version.read(row) for row in version.rows}) == 8


def test_a_class_goes_only_with_a_word(photos, tmp_path):
    take(photos, tmp_path / "first")
    other = tmp_path / "other"
    make_photos(other, classes=("daisy", "tulips"), per_class=3)
    with pytest.raises(BadInputError, match="lacks 1 class that the last version of flowers has: roses"):
        take(other, tmp_path / "refused", tmp_path / "first")
    assert take(other, tmp_path / "second", tmp_path / "first", "replace").classes == {"daisy": 3, "tulips": 3}


def test_an_empty_folder_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match="is empty"):
        take(tmp_path / "empty", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
