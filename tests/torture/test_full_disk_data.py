"""Torture case 6, the data commands: on a full disk each ends with 9 and leaves nothing half, and completes later."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.io.hashing import sha256_file
from helpers.photos import make_photos
from helpers.trained_home import copy_place
from torture.small_disk import SmallDisk, small_disk

SMALL = ("--image-size", "32")
FREE = (0, 20_000, 60_000)
"""Bytes left on the disk: too few for the first file, for the photos, and for what is made of them."""


@pytest.fixture
def disk(trained_place: Path, tmp_path: Path) -> Iterator[SmallDisk]:
    """A small disk with a trained home and more photos, as folder, archive and CSV."""
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 32) as disk:
        copy = copy_place(trained_place, tmp_path / "copy", known_as=disk.place)
        make_photos(copy / "more", per_class=8, size=(24, 20), seed=5)
        shutil.make_archive(str(copy / "more"), "gztar", copy, "more")
        shutil.copytree(copy, disk.seen, dirs_exist_ok=True)
        yield disk


def versions(disk: SmallDisk) -> dict[str, str]:
    """The digests of all dataset versions, each of which is as it was written."""
    document = disk.run("data", "verify", "--json").document
    assert document["problems"] == []
    items = disk.run("data", "list", "--json").document["items"]
    assert len(document["versions"]) == len(items)
    return {f"{item['name']}:{item['version']}": item["digest"] for item in items}


def fetching(disk: SmallDisk) -> list[str | Path]:
    """`data fetch` of the archive on the disk, as if it were the published one."""
    archive = disk.seen / "more.tar.gz"
    known = ["--sha256", sha256_file(archive), "--bytes", str(archive.stat().st_size)]
    return ["data", "fetch", "tf-flowers", "--from", "more.tar.gz", *known, "--dataset", "fetched", *SMALL]


@pytest.mark.slow
def test_preprocess_import_and_fetch_change_nothing_and_complete_once_there_is_room(disk: SmallDisk) -> None:
    before = versions(disk)
    preprocess = ["preprocess", "--data-folder", "more", "--dataset", "more", *SMALL]
    bring_in = ["data", "import", "more.tar.gz", "--dataset", "more", *SMALL]
    for arguments, levels in ((preprocess, FREE), (bring_in, FREE[:2]), (fetching(disk), FREE[:2])):
        for free in levels:
            disk.refused(*arguments, free=free)
    assert versions(disk) == before
    made = disk.run(*preprocess, "--json").document
    imported = disk.run(*bring_in, "--json").document
    assert imported["raw"]["digest"] == made["raw"]["digest"]
    assert disk.run(*fetching(disk), "--json").document["raw"]["version"] == 1
    assert set(versions(disk)) == {*before, "more:1", "more_processed:1", "fetched:1", "fetched_processed:1"}


@pytest.mark.slow
def test_export_and_preview_write_all_or_nothing(disk: SmallDisk) -> None:
    exports = [["data", "export", name, "out", "--format", "csv"] for name in ("flowers", "flowers_processed")]
    preview = ["data", "preview", "flowers", "--out", "page.html"]
    for arguments in (*exports, preview):
        for free in (0, 8_000):
            disk.refused(*arguments, free=free)
            assert not (disk.seen / "out").exists()
            assert not (disk.seen / "page.html").exists()
    assert disk.run(*exports[0]).code == 0
    assert len(list((disk.seen / "out").rglob("*.jpg"))) == 16
    assert disk.run(*preview).code == 0


def test_gc_makes_room_on_a_full_disk(disk: SmallDisk) -> None:
    orphan = disk.seen / ".flowerops/objects/ab" / ("c" * 62)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(bytes(100_000))
    for note in disk.seen.rglob("*.owner"):
        note.unlink()
    disk.leave(0)
    outcome = disk.run("gc", "--json")
    assert outcome.code == 0, outcome
    assert outcome.document["removed"]["object"] == 1
    assert not orphan.exists()
    assert versions(disk).keys() == {"flowers:1", "flowers_processed:1"}
