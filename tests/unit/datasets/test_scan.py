from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from flowerops.datasets.scan import Scan, scan_folder
from flowerops.errors import BadInputError
from helpers.photos import make_photos
from helpers.unprivileged import open_folder, run_unprivileged


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    make_photos(tmp_path / "photos", per_class=2)
    return tmp_path / "photos"


def skipped(scan: Scan) -> dict[str, str]:
    return {entry.path: entry.reason for entry in scan.skipped}


def paths(scan: Scan) -> list[str]:
    return [found.path for found in scan.files]


def refusal(root: Path) -> BadInputError:
    with pytest.raises(BadInputError) as caught:
        scan_folder(root)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    return caught.value


# --- what is a dataset ----------------------------------------------------------------------------------------------


def test_every_class_folder_is_a_class(photos):
    scan = scan_folder(photos)
    assert scan.classes() == {"daisy": 2, "roses": 2}
    assert paths(scan) == [
        "daisy/daisy_0000.jpg",
        "daisy/daisy_0001.jpg",
        "roses/roses_0000.jpg",
        "roses/roses_0001.jpg",
    ]
    assert all(found.location.is_file() for found in scan.files)
    assert scan.skipped == []


def test_files_below_sub_folders_belong_to_the_class(photos):
    (photos / "daisy" / "2024" / "may").mkdir(parents=True)
    (photos / "daisy" / "2024" / "may" / "x.jpg").write_bytes(b"x")
    scan = scan_folder(photos)
    assert scan.classes()["daisy"] == 3
    assert "daisy/2024/may/x.jpg" in paths(scan)


def test_the_order_of_the_listing_plays_no_part(photos, monkeypatch):
    expected = scan_folder(photos)
    real = os.scandir

    class Shuffled:
        def __init__(self, folder):
            self._entries = real(folder)

        def __enter__(self):
            entries = list(self._entries)
            random.Random(len(entries)).shuffle(entries)
            return iter(entries)

        def __exit__(self, *_):
            self._entries.close()

    monkeypatch.setattr(os, "scandir", Shuffled)
    found = scan_folder(photos)
    assert (paths(found), found.skipped) == (paths(expected), expected.skipped)


def test_a_linked_root_is_followed(photos, tmp_path):
    (tmp_path / "link").symlink_to(photos)
    assert paths(scan_folder(tmp_path / "link")) == paths(scan_folder(photos))


# --- what is not ----------------------------------------------------------------------------------------------------


def test_a_missing_folder_is_named(tmp_path):
    assert f"{tmp_path / 'nowhere'} does not exist" in refusal(tmp_path / "nowhere").message


def test_a_file_is_no_folder(photos):
    file = photos / "daisy" / "daisy_0000.jpg"
    assert "is a file, not a folder" in refusal(file).message
    assert "does not exist" in refusal(file / "below").message


def test_a_name_that_no_disk_can_have_is_refused(tmp_path):
    assert "x" * 300 in refusal(tmp_path / ("x" * 300)).message


def test_an_empty_folder_is_refused(tmp_path):
    assert "is empty" in refusal(tmp_path).message


def test_a_folder_of_loose_photos_is_refused_with_the_wanted_layout(photos):
    error = refusal(photos / "daisy")
    assert "has no class folders" in error.message
    assert "photos/daisy/1.jpg" in (error.hint or "")


def test_one_class_is_refused_unless_it_is_enough(photos):
    for file in (photos / "roses").iterdir():
        file.unlink()
    (photos / "roses").rmdir()
    assert "has one class only (daisy)" in refusal(photos).message
    assert scan_folder(photos, min_classes=1).classes() == {"daisy": 2}


def test_an_empty_class_folder_is_named(photos):
    (photos / "tulips").mkdir()
    assert f"{photos / 'tulips'} has no files" in refusal(photos).message


def test_a_class_folder_with_nothing_but_junk_counts_as_empty(photos):
    (photos / "tulips").mkdir()
    (photos / "tulips" / "Thumbs.db").write_bytes(b"x")
    (photos / "tulips" / ".hidden.jpg").write_bytes(b"x")
    assert f"{photos / 'tulips'} has no files" in refusal(photos).message


# --- what is left aside ---------------------------------------------------------------------------------------------


def test_hidden_and_junk_files_and_folders_are_left_aside_and_reported(photos):
    for name in (
        ".git/x.jpg",
        "__MACOSX/x.jpg",
        "daisy/@eaDir/x.jpg",
        "daisy/.hidden.jpg",
        "roses/Thumbs.db",
        "readme.txt",
    ):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_bytes(b"x")
    scan = scan_folder(photos)
    assert len(scan.files) == 4
    assert skipped(scan) == {
        ".git": "hidden or system folder",
        "__MACOSX": "hidden or system folder",
        "daisy/@eaDir": "hidden or system folder",
        "daisy/.hidden.jpg": "hidden or system file",
        "roses/Thumbs.db": "hidden or system file",
        "readme.txt": "not in a class folder",
    }


def test_links_out_of_the_folder_to_folders_in_loops_and_to_nothing_are_left_aside(photos, tmp_path):
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(b"secret")
    links = {"out.jpg": outside, "nothing.jpg": photos / "gone", "folder": photos / "roses", "up": photos}
    for name, target in links.items():
        (photos / "daisy" / name).symlink_to(target)
    (photos / "daisy" / "loop.jpg").symlink_to("loop.jpg")
    (photos / "daisy" / "relative.jpg").symlink_to("../../outside.jpg")
    (photos / "linked_class").symlink_to(photos / "daisy")
    scan = scan_folder(photos)
    assert len(scan.files) == 4
    left = skipped(scan)
    assert left.pop("linked_class") == "link"
    assert set(left) == {f"daisy/{name}" for name in [*links, "loop.jpg", "relative.jpg"]}
    assert all("link" in reason for reason in left.values())


def test_a_folder_whose_name_begins_like_the_roots_is_outside(tmp_path, photos):
    (tmp_path / "photos_private").mkdir()
    (tmp_path / "photos_private" / "x.jpg").write_bytes(b"secret")
    (photos / "daisy" / "x.jpg").symlink_to(tmp_path / "photos_private" / "x.jpg")
    assert "daisy/x.jpg" in skipped(scan_folder(photos))


def test_a_link_to_a_photo_inside_is_a_photo(photos):
    (photos / "daisy" / "again.jpg").symlink_to("daisy_0000.jpg")
    assert "daisy/again.jpg" in paths(scan_folder(photos))


def test_a_pipe_is_not_waited_for(photos):
    os.mkfifo(photos / "daisy" / "pipe.jpg")
    assert skipped(scan_folder(photos)) == {"daisy/pipe.jpg": "not a regular file"}


def test_names_that_are_not_utf8_are_left_aside_and_shown_escaped(photos):
    for name in (b"daisy/caf\xe9.jpg", b"daisy/sub\xff/x.jpg", b"t\xfclips/x.jpg"):
        path = Path(os.fsdecode(os.fsencode(photos) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    scan = scan_folder(photos)
    assert len(scan.files) == 4
    left = skipped(scan)
    assert set(left) == {"daisy/caf\\xe9.jpg", "daisy/sub\\xff/x.jpg", "t\\xfclips"}
    assert set(left.values()) == {"name is not valid UTF-8"}


@pytest.mark.parametrize(
    "name", ["line\nfeed.jpg", "-rf.jpg", "🌼.jpg", "имя 花.jpeg", "a'b\"c.jpg", "trailing ", "UPPER.JPG", "no_suffix"]
)
def test_odd_names_are_names(photos, name):
    (photos / "daisy" / name).write_bytes(b"x")
    (photos / name).mkdir()
    (photos / name / name).write_bytes(b"x")
    scan = scan_folder(photos)
    assert f"daisy/{name}" in paths(scan)
    assert scan.classes()[name] == 1


def test_folders_may_lie_very_deep(photos):
    deepest = photos / "daisy"
    try:
        for _ in range(1200):
            deepest = deepest / "d"
            deepest.mkdir()
        (deepest / "x.jpg").write_bytes(b"x")
        assert len(scan_folder(photos).files) == 5
    finally:
        (deepest / "x.jpg").unlink(missing_ok=True)
        while deepest.name == "d":
            deepest.rmdir()
            deepest = deepest.parent


# --- what may not be read -------------------------------------------------------------------------------------------

_SCAN = """
import sys
from pathlib import Path
from flowerops.datasets.objects import ObjectStore, read_photo
from flowerops.datasets.scan import scan_folder
from flowerops.errors import FlowerOpsError
try:
    scan = scan_folder(Path(sys.argv[1]))
    for found in scan.files:
        ObjectStore(Path(sys.argv[2])).add(read_photo(found.location))
except FlowerOpsError as error:
    print(error.message)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("locked", ["photos/daisy", "photos/daisy/sub", "photos/roses/roses_0001.jpg", "photos", "."])
def test_what_cannot_be_read_is_named_never_left_out(locked):
    with open_folder() as folder:
        make_photos(folder / "photos", per_class=2)
        (folder / "photos" / "daisy" / "sub").mkdir()
        (folder / "photos" / "daisy" / "sub" / "x.jpg").write_bytes(b"x")
        (folder / "store").mkdir()
        (folder / "store").chmod(0o777)
        (folder / locked).chmod(0)
        done = run_unprivileged(_SCAN, folder / "photos", folder / "store")
        assert done.returncode == 3, done.stderr
        assert "cannot read" in done.stdout
        assert str(folder / locked) in done.stdout
