"""The data commands through the real command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flowerops.io.hashing import sha256_bytes
from helpers.command import Outcome, flowerops
from helpers.file_server import FileServer, serving
from helpers.photos import make_photos, photo_bytes

SMALL = ("--image-size", "32")


def ok(outcome: Outcome) -> dict:  # type: ignore[type-arg]
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    return outcome.document


def preprocess(cwd: Path, folder: str, *more: str) -> dict:  # type: ignore[type-arg]
    return ok(flowerops("preprocess", "--data-folder", folder, *SMALL, *more, "--json", cwd=cwd))


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with flowers:1, and flowers:2 in which a photo was added, one removed, one relabelled and one moved."""
    place = tmp_path_factory.mktemp("data")
    make_photos(place / "photos", per_class=14)
    preprocess(place, "photos")
    shutil.copytree(place / "photos", place / "new")
    (place / "new/daisy/daisy_0000.jpg").rename(place / "new/roses/from_daisy.jpg")
    (place / "new/daisy/daisy_0001.jpg").rename(place / "new/daisy/renamed.jpg")
    (place / "new/roses/roses_0000.jpg").unlink()
    make_photos(place / "new", classes=("daisy", "roses", "lily"), per_class=0)
    for number in range(8):
        (place / f"new/lily/{number}.jpg").write_bytes(photo_bytes(number, hue=3))
    preprocess(place, "new")
    return place


@pytest.fixture
def copy(grown: Path, tmp_path: Path) -> Path:
    """A copy of the place that a test may change."""
    shutil.copytree(grown, tmp_path / "copy")
    return tmp_path / "copy"


# --- diff -----------------------------------------------------------------------------------------------------------


def test_diff_names_every_photo_and_class_that_changed(grown: Path) -> None:
    document = ok(flowerops("data", "diff", "flowers:1", "flowers:2", "--json", cwd=grown))
    assert document["added"] == [f"lily/{number}.jpg" for number in range(8)]
    assert document["removed"] == ["roses/roses_0000.jpg"]
    assert document["relabelled"] == [{"before": "daisy/daisy_0000.jpg", "after": "roses/from_daisy.jpg"}]
    assert document["moved"] == [{"before": "daisy/daisy_0001.jpg", "after": "daisy/renamed.jpg"}]
    assert (document["classes_added"], document["classes_removed"]) == (["lily"], [])
    assert document["counts"]["unchanged"] == 26
    back = ok(flowerops("data", "diff", "flowers", "flowers:1", "--json", cwd=grown))
    assert back["removed"] == document["added"]
    assert back["classes_removed"] == ["lily"]


def test_diff_for_people_has_counts_and_paths(grown: Path) -> None:
    said = flowerops("data", "diff", "flowers:1", "flowers:2", cwd=grown).stdout
    assert "from flowers:1 to flowers:2" in said
    assert "- roses/roses_0000.jpg" in said
    assert "relabelled: daisy/daisy_0000.jpg → roses/from_daisy.jpg" in said


def test_diff_of_a_processed_version_names_the_raw_one(grown: Path) -> None:
    outcome = flowerops("data", "diff", "flowers:1", "flowers_processed:2", cwd=grown)
    assert outcome.code == 3
    assert "made from flowers:2" in outcome.stderr


# --- verify ---------------------------------------------------------------------------------------------------------


def test_verify_says_that_all_is_well(grown: Path) -> None:
    document = ok(flowerops("data", "verify", "--all", "--json", cwd=grown))
    assert document["problems"] == []
    assert document["checked"] > 28
    assert len(document["versions"]) == 4
    assert "as written" in flowerops("verify", cwd=grown).stdout


def test_verify_exits_with_5_and_lists_every_path(copy: Path) -> None:
    objects = sorted((copy / ".flowerops/objects").glob("??/*"))
    objects[0].unlink()
    objects[5].write_bytes(b"x")
    (copy / ".flowerops/datasets/flowers/extra").mkdir()
    version = ok(flowerops("data", "show", "flowers:1", "--json", cwd=copy))["folder"]
    (Path(version) / "more.txt").write_text("x")
    outcome = flowerops("verify", "--json", cwd=copy)
    assert outcome.code == 5
    document = outcome.document
    assert document["ok"] is False
    assert document["error"]["code"] == "integrity"
    assert document["error"]["exit_code"] == 5
    paths = {problem["path"] for problem in document["problems"]}
    assert paths == {str(objects[0]), str(objects[5]), f"{version}/more.txt"}
    said = flowerops("data", "verify", cwd=copy)
    assert said.code == 5
    assert all(path in said.stdout for path in paths)
    assert "Traceback" not in said.stderr


def test_a_damaged_ledger_is_said_in_one_line(copy: Path) -> None:
    (copy / ".flowerops/ledger.db").write_bytes(b"no database" * 400)
    outcome = flowerops("verify", cwd=copy)
    assert outcome.code == 5
    assert "ledger.db" in outcome.stdout
    assert "Traceback" not in outcome.stderr


# --- export ---------------------------------------------------------------------------------------------------------


def test_export_gives_the_photos_back(grown: Path, tmp_path: Path) -> None:
    planned = ok(flowerops("data", "export", "flowers:1", tmp_path / "out", "--dry-run", "--json", cwd=grown))
    assert planned["dry_run"] is True
    assert not (tmp_path / "out").exists()
    document = ok(flowerops("data", "export", "flowers:1", tmp_path / "out", "--json", cwd=grown))
    assert document["files"] == 28
    for photo in (grown / "photos").rglob("*.jpg"):
        assert (tmp_path / "out" / photo.relative_to(grown / "photos")).read_bytes() == photo.read_bytes()
    again = flowerops("data", "export", "flowers:1", tmp_path / "out", cwd=grown)
    assert again.code == 3
    assert "is not empty" in again.stderr


# --- rm and gc ------------------------------------------------------------------------------------------------------


def test_rm_and_gc_free_the_room_of_a_version_and_keep_the_others(copy: Path) -> None:
    refused = flowerops("data", "rm", "flowers:1", "--json", cwd=copy)
    assert refused.code == 6
    assert refused.document["error"]["needed_by"] == ["flowers_processed:1"]
    assert flowerops("data", "rm", "flowers", cwd=copy).code == 2
    planned = ok(flowerops("data", "rm", "flowers_processed:1", "--dry-run", "--json", cwd=copy))
    assert planned["removed"]["version"] == 1
    ok(flowerops("data", "rm", "flowers_processed:1", "--json", cwd=copy))
    assert "removed flowers:1" in flowerops("data", "rm", "flowers:1", cwd=copy).stdout
    left = {f"{item['name']}:{item['version']}" for item in ok(flowerops("data", "list", "--json", cwd=copy))["items"]}
    assert left == {"flowers:2", "flowers_processed:2"}
    assert "would free" in flowerops("gc", "--dry-run", cwd=copy).stdout
    freed = ok(flowerops("gc", "--json", cwd=copy))
    assert freed["removed"]["object"] == 1  # roses_0000.jpg is in the first version only
    assert freed["bytes"] > 0
    assert ok(flowerops("verify", "--json", cwd=copy))["problems"] == []
    assert flowerops("data", "rm", "flowers:1", cwd=copy).code == 3


# --- import ---------------------------------------------------------------------------------------------------------


def test_an_archive_becomes_a_version_and_nothing_else_stays(tmp_path: Path) -> None:
    make_photos(tmp_path / "in/photos", per_class=14)
    shutil.make_archive(str(tmp_path / "photos"), "zip", tmp_path / "in")
    planned = ok(flowerops("data", "import", "photos.zip", *SMALL, "--dry-run", "--json", cwd=tmp_path))
    assert planned["files"] == 28
    assert ok(flowerops("data", "list", "--json", cwd=tmp_path))["items"] == []
    document = ok(flowerops("data", "import", "photos.zip", *SMALL, "--dataset", "garden", "--json", cwd=tmp_path))
    assert document["source"] == {"path": "photos.zip", "kind": "archive"}
    assert (document["raw"]["name"], document["raw"]["version"], document["raw"]["files"]) == ("garden", 1, 28)
    assert document["processed"]["classes"] == {"daisy": 14, "roses": 14}
    assert list((tmp_path / ".flowerops/tmp").iterdir()) == []
    same = preprocess(tmp_path, "in/photos", "--dataset", "garden")
    assert same["raw"]["version"] == 1
    assert same["reused"] is True


def test_a_csv_is_imported_and_a_bad_line_is_said(tmp_path: Path) -> None:
    make_photos(tmp_path / "in", per_class=14)
    lines = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in sorted((tmp_path / "in").rglob("*.jpg"))]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *lines]))
    document = ok(flowerops("data", "import", "labels.csv", *SMALL, "--json", cwd=tmp_path))
    assert document["raw"]["classes"] == {"daisy": 14, "roses": 14}
    (tmp_path / "labels.csv").write_text("path,label\n../../etc/passwd,daisy\n")
    outcome = flowerops("data", "import", "labels.csv", cwd=tmp_path)
    assert outcome.code == 3
    assert "line 2" in outcome.stderr
    assert "Traceback" not in outcome.stderr


# --- fetch ----------------------------------------------------------------------------------------------------------


def test_fetch_takes_a_set_from_a_server_and_says_where_the_licence_is(tmp_path: Path) -> None:
    make_photos(tmp_path / "in/flower_photos", per_class=14)
    (tmp_path / "in/flower_photos/LICENSE.txt").write_text("CC BY 2.0")
    archive = Path(shutil.make_archive(str(tmp_path / "set"), "gztar", tmp_path / "in")).read_bytes()
    known = ("--sha256", sha256_bytes(archive), "--bytes", str(len(archive)))
    with serving(FileServer(archive)) as server:
        arguments = ("data", "fetch", "tf-flowers", "--url", server.url, *known, *SMALL)
        refused = flowerops(*arguments, cwd=tmp_path)
        assert refused.code == 3
        assert "not a public address" in refused.stderr
        assert server.asked == []
        allowed = {"FLOWEROPS_FETCH_ALLOW_PRIVATE": "true"}
        assert "would take tf-flowers in" in flowerops(*arguments, "--dry-run", cwd=tmp_path, env=allowed).stdout
        document = ok(flowerops(*arguments, "--json", cwd=tmp_path, env=allowed))
    assert document["raw"]["classes"] == {"daisy": 14, "roses": 14}
    assert (Path(document["source"]["notices"]) / "LICENSE.txt").read_text() == "CC BY 2.0"
    (tmp_path / "wrong.tgz").write_bytes(b"x")
    wrong = flowerops("data", "fetch", "tf-flowers", "--from", "wrong.tgz", "--dataset", "other", cwd=tmp_path)
    assert wrong.code == 3
    assert "228,813,984 bytes" in wrong.stderr


# --- reference ------------------------------------------------------------------------------------------------------


def test_preprocess_by_reference_copies_no_photo_and_notices_a_change(tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", per_class=14)
    document = preprocess(tmp_path, "photos", "--reference")
    assert document["decoded"] == 28
    assert not (tmp_path / ".flowerops/objects").exists()
    assert ok(flowerops("data", "show", "flowers", "--json", cwd=tmp_path))["reference"] is True
    changed = tmp_path / "photos/daisy/daisy_0003.jpg"
    changed.write_bytes(photo_bytes(999))
    outcome = flowerops("data", "verify", "flowers", "--json", cwd=tmp_path)
    assert outcome.code == 5
    assert [problem["path"] for problem in outcome.document["problems"]] == [str(changed)]
    outcome = flowerops("preprocess", "--dataset", "flowers:1", "--image-size", "40", cwd=tmp_path)
    assert outcome.code == 5
    assert str(changed) in outcome.stderr
    assert flowerops("preprocess", "--reference", cwd=tmp_path).code == 2
