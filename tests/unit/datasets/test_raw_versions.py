from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from flowerops.datasets.objects import ObjectStore
from flowerops.datasets.raw import NewPhotos, RawVersion, ingest, version_folder
from flowerops.datasets.rows import read_manifest, read_rows
from flowerops.datasets.scan import scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import ProcessedImage, Provenance, RawFile
from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.hashing import sha256_bytes
from helpers.photos import make_photos, photo_bytes

PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    make_photos(tmp_path / "photos", per_class=3)
    return tmp_path / "photos"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def take(folder: Path, home: Path, name: str = "flowers") -> Path:
    return ingest(NewPhotos(scan_folder(folder), name), home, PROVENANCE, SilentProgress())


def tree(folder: Path) -> dict[str, tuple[bytes, float, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- identity -------------------------------------------------------------------------------------------------------


def test_the_manifest_says_what_was_taken_in(photos, home):
    folder = take(photos, home)
    manifest = read_manifest(folder)
    assert folder == version_folder(home, "flowers", manifest.digest)
    assert (manifest.kind, manifest.name, manifest.files) == ("raw", "flowers", 6)
    assert manifest.classes == {"daisy": 3, "roses": 3}
    assert manifest.bytes == sum(path.stat().st_size for path in photos.rglob("*.jpg"))
    assert manifest.provenance == PROVENANCE


def test_the_digest_is_the_hash_of_the_sorted_rows(photos, home):
    folder = take(photos, home)
    lines = (folder / "files.jsonl").read_bytes()
    assert read_manifest(folder).digest == sha256_bytes(lines)
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [(row["label"], row["path"]) for row in rows] == sorted((row["label"], row["path"]) for row in rows)
    for row in rows:
        data = (photos / row["path"]).read_bytes()
        assert (row["sha256"], row["bytes"]) == (sha256_bytes(data), len(data))


def test_the_same_content_is_the_same_version_and_nothing_is_written_again(photos, home):
    folder = take(photos, home)
    before = tree(home)
    assert take(photos, home) == folder
    assert tree(home) == before


def test_neither_the_place_nor_the_order_of_the_listing_matters(photos, home, tmp_path):
    folder = take(photos, home)
    elsewhere = tmp_path / "mnt" / "other name"
    shutil.copytree(photos, elsewhere)
    shuffled = scan_folder(elsewhere)
    random.Random(1).shuffle(shuffled.files)
    other = ingest(NewPhotos(shuffled, "flowers"), tmp_path / "home2", PROVENANCE, SilentProgress())
    assert read_manifest(other).digest == read_manifest(folder).digest
    assert other.name == folder.name
    assert (other / "files.jsonl").read_bytes() == (folder / "files.jsonl").read_bytes()


def test_one_changed_byte_an_added_or_a_moved_file_is_another_version(photos, home):
    digests = {read_manifest(take(photos, home)).digest}
    victim = photos / "daisy" / "daisy_0000.jpg"
    changed = bytearray(victim.read_bytes())
    changed[-1] ^= 1
    victim.write_bytes(changed)
    digests.add(read_manifest(take(photos, home)).digest)
    (photos / "daisy" / "new.jpg").write_bytes(photo_bytes(999))
    digests.add(read_manifest(take(photos, home)).digest)
    (photos / "daisy" / "new.jpg").rename(photos / "roses" / "new.jpg")
    digests.add(read_manifest(take(photos, home)).digest)
    assert len(digests) == 4
    assert len(list((home / "datasets" / "flowers").iterdir())) == 4


def test_the_users_files_are_neither_changed_nor_linked(photos, home):
    before = tree(photos)
    take(photos, home)
    assert tree(photos) == before
    assert all(
        path.stat().st_nlink == 1 for path in [*photos.rglob("*.jpg"), *(home / "objects").rglob("*")] if path.is_file()
    )
    inodes = {path.stat().st_ino for path in photos.rglob("*.jpg")}
    assert not inodes & {path.stat().st_ino for path in (home / "objects").rglob("*")}


def test_what_is_changed_afterwards_does_not_change_the_version(photos, home):
    folder = take(photos, home)
    kept = {path.relative_to(photos).as_posix(): path.read_bytes() for path in photos.rglob("*.jpg")}
    for path in photos.rglob("*.jpg"):
        path.write_bytes(b"overwritten")
    version = RawVersion(folder, home / "objects")
    assert {row.path: version.read(row) for row in version.rows} == kept


def test_skipped_files_are_in_the_manifest(photos, home):
    (photos / "notes.txt").write_text("x")
    assert [(entry.path, entry.reason) for entry in read_manifest(take(photos, home)).skipped] == [
        ("notes.txt", "not in a class folder")
    ]


# --- the store ------------------------------------------------------------------------------------------------------


def test_equal_bytes_share_one_object(photos, home):
    shutil.copy(photos / "daisy" / "daisy_0000.jpg", photos / "daisy" / "copy.jpg")
    folder = take(photos, home)
    assert read_manifest(folder).files == 7
    assert sum(path.is_file() for path in (home / "objects").rglob("*")) == 6


def test_a_corrupt_object_is_named(photos, home):
    version = RawVersion(take(photos, home), home / "objects")
    row = version.rows[2]
    place = ObjectStore(home / "objects").path_of(row.sha256)
    place.write_bytes(b"other bytes")
    with pytest.raises(StoreIntegrityError) as caught:
        version.read(row)
    assert str(place) in caught.value.message
    assert caught.value.exit_code == 5
    assert [version.read(other) for other in version.rows if other != row]


def test_a_missing_object_is_named_and_taking_the_photos_in_again_restores_it(photos, home):
    folder = take(photos, home)
    version = RawVersion(folder, home / "objects")
    place = ObjectStore(home / "objects").path_of(version.rows[0].sha256)
    place.unlink()
    with pytest.raises(StoreIntegrityError, match="cannot be read"):
        version.read(version.rows[0])
    assert take(photos, home) == folder
    assert version.read(version.rows[0])


def test_an_object_cut_short_by_a_power_failure_is_written_again(photos, home):
    folder = take(photos, home)
    version = RawVersion(folder, home / "objects")
    ObjectStore(home / "objects").path_of(version.rows[0].sha256).write_bytes(b"")
    take(photos, home)
    assert version.read(version.rows[0]) == (photos / version.rows[0].path).read_bytes()


def test_a_photo_that_vanishes_while_it_is_taken_in_is_named(photos, home):
    scan = scan_folder(photos)
    (photos / "roses" / "roses_0001.jpg").unlink()
    with pytest.raises(BadInputError, match=r"roses_0001\.jpg"):
        ingest(NewPhotos(scan, "flowers"), home, PROVENANCE, SilentProgress())
    assert not (home / "datasets").exists()


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_version_with_its_files_beside_the_manifest_reads_without_a_store(photos, home, tmp_path):
    fetched = tmp_path / "fetched"
    shutil.copytree(photos, fetched)
    shutil.copytree(take(photos, home), fetched, dirs_exist_ok=True)
    version = RawVersion(fetched)
    assert [sha256_bytes(version.read(row)) for row in version.rows] == [row.sha256 for row in version.rows]
    (fetched / version.rows[0].path).write_bytes(b"other")
    with pytest.raises(StoreIntegrityError, match=version.rows[0].path):
        version.read(version.rows[0])
    (fetched / version.rows[0].path).unlink()
    with pytest.raises(StoreIntegrityError, match="cannot be read"):
        version.read(version.rows[0])


def test_changed_rows_are_noticed(photos, home):
    folder = take(photos, home)
    rows = folder / "files.jsonl"
    rows.write_bytes(rows.read_bytes().replace(b"daisy", b"dai5y", 1))
    with pytest.raises(StoreIntegrityError, match="does not match its digest"):
        RawVersion(folder, home / "objects")


@pytest.mark.parametrize("name", ["manifest.json", "files.jsonl"])
def test_a_missing_or_damaged_document_is_named(photos, home, name):
    folder = take(photos, home)
    (folder / name).write_bytes(b"{")
    with pytest.raises(StoreIntegrityError, match=name):
        RawVersion(folder, home / "objects")
    (folder / name).unlink()
    with pytest.raises(StoreIntegrityError, match=name):
        RawVersion(folder, home / "objects")


def test_rows_of_another_kind_are_refused(photos, home):
    folder = take(photos, home)
    assert len(read_rows(folder, RawFile)) == 6
    with pytest.raises(StoreIntegrityError, match=r"files\.jsonl"):
        read_rows(folder, ProcessedImage)


def test_odd_paths_come_back_as_they_were(photos, home):
    names = ["line\nfeed.jpg", "-rf.jpg", "🌼.jpg", "sep\u2028\x85.jpg", "cr\r.jpg", 'quote".jpg']
    for number, name in enumerate(names):
        (photos / "daisy" / name).write_bytes(photo_bytes(500 + number))
    version = RawVersion(take(photos, home), home / "objects")
    assert {f"daisy/{name}" for name in names} < {row.path for row in version.rows}
