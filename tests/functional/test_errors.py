"""Bad input gets one or two plain lines, the documented exit code, and changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command import flowerops
from helpers.photos import make_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    make_photos(folder)
    return folder


def _assert_plain(stderr: str) -> None:
    lines = [line for line in stderr.splitlines() if line.startswith(("error:", "hint:"))]
    assert lines
    assert lines[0].startswith("error:")
    assert len(lines) <= 2
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "does not exist"),
        (lambda folder: folder.mkdir(), "is empty"),
        (lambda folder: (folder.mkdir(), (folder / "a.jpg").write_bytes(b"x")), "has no class folders"),
        (lambda folder: make_photos(folder, classes=("daisy",)), "one class only"),
        (lambda folder: folder.write_text("x"), "is a file"),
        (lambda folder: (make_photos(folder), (folder / "tulips").mkdir()), "has no files"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_and_leaves_nothing(tmp_path: Path, prepare, message: str) -> None:  # type: ignore[no-untyped-def]
    prepare(tmp_path / "bad")
    outcome = flowerops("preprocess", "--data-folder", "bad", cwd=tmp_path)
    assert outcome.code == 3
    assert message in outcome.stderr
    _assert_plain(outcome.stderr)
    assert flowerops("data", "list", "--json", cwd=tmp_path).document["items"] == []


def test_the_same_failure_as_json_is_one_document(tmp_path: Path) -> None:
    outcome = flowerops("preprocess", "--data-folder", "nowhere", "--json", cwd=tmp_path)
    assert outcome.code == 3
    document = outcome.document
    assert document["command"] == "preprocess"
    assert document["ok"] is False
    assert document["error"]["code"] == "bad_input"
    assert document["error"]["exit_code"] == 3
    assert document["error"]["hint"]


def test_a_misspelt_dataset_gets_a_suggestion(tmp_path: Path, photos: Path) -> None:
    assert flowerops("preprocess", "--data-folder", photos, "--image-size", "32", cwd=tmp_path).code == 0
    outcome = flowerops("train", "--dataset", "flowrs", cwd=tmp_path)
    assert outcome.code == 3
    assert "Did you mean 'flowers'?" in outcome.stderr
    outcome = flowerops("data", "show", "flowers:7", cwd=tmp_path)
    assert outcome.code == 3
    assert "no version 7" in outcome.stderr
    _assert_plain(outcome.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "show", "flower_classifier"], "no model"),
        (["lineage", "flower_classifier"], "no model"),
        (["deploy"], "no model"),
        (["evaluate"], "no training run"),
        (["evaluate", "--run", "0123"], "no run"),
        (["register"], "no training run"),
        (["train"], "no dataset"),
        (["smoketest"], "no endpoint"),
        (["deployments", "stop"], "no endpoint"),
    ],
)
def test_what_is_not_there_is_said_plainly(tmp_path: Path, arguments: list[str], message: str) -> None:
    outcome = flowerops(*arguments, cwd=tmp_path)
    assert outcome.code == 3
    assert message in outcome.stderr
    _assert_plain(outcome.stderr)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "No such command"),
        (["train", "--epochs", "0"], "epochs"),
        (["train", "--nonsense"], "nonsense"),
        (["data", "show", "../x"], "not allowed"),
        (["models", "show", "/etc/passwd"], "not allowed"),
        (["models", "show", "%2e%2e"], "not allowed"),
        (["data", "show", "flowers:x"], "not a number"),
        (["deploy", "--endpoint", "Not Allowed"], "not allowed"),
        (["train", "--params", '{"trainig": {}}'], "Did you mean 'training'?"),
        (["train", "--params", '{"training": {"epoch": 3}}'], "Did you mean 'epochs'?"),
        (["train", "--params", "nowhere.json"], "cannot be read"),
        (["train", "--target", "azureml"], "needs SUBSCRIPTION_ID, RESOURCE_GROUP, WORKSPACE_NAME"),
        (["register", "--force"], "--reason"),
    ],
)
def test_a_wrong_command_line_exits_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    outcome = flowerops(*arguments, cwd=tmp_path)
    assert outcome.code == 2
    assert message in outcome.stderr
    _assert_plain(outcome.stderr)


def test_an_unknown_setting_gets_a_suggestion(tmp_path: Path) -> None:
    (tmp_path / "flowerops.toml").write_text('experimnt = "x"\n')
    outcome = flowerops("data", "list", cwd=tmp_path)
    assert outcome.code == 2
    assert "Did you mean experiment?" in outcome.stderr
    outcome = flowerops("data", "list", cwd=tmp_path / "..", env={"FLOWEROPS_HOEM": "x"})
    assert outcome.code == 2
    assert "FLOWEROPS_HOME" in outcome.stderr


def test_a_home_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    outcome = flowerops("data", "list", "--home", "file", cwd=tmp_path)
    assert outcome.code == 2
    assert "not a folder" in outcome.stderr
    if os.geteuid() == 0 and shutil.which("setpriv"):
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o555)
        command = ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-m", "flowerops", "data", "list"]
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents:
            if parent.stat().st_uid == 0 and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        done = subprocess.run([*command, "--home", str(locked / "home")], cwd="/", capture_output=True, text=True)
        assert done.returncode == 2
        assert "not writable" in done.stderr


def test_a_corrupt_stored_photo_is_an_integrity_error_and_is_named(tmp_path: Path, photos: Path) -> None:
    assert flowerops("preprocess", "--data-folder", photos, "--image-size", "32", cwd=tmp_path).code == 0
    stored = next(path for path in (tmp_path / ".flowerops" / "objects").rglob("*") if path.is_file())
    stored.write_bytes(b"changed")
    outcome = flowerops("preprocess", "--image-size", "48", cwd=tmp_path)
    assert outcome.code == 5
    assert stored.name in outcome.stderr
    _assert_plain(outcome.stderr)
    assert flowerops("data", "list", "--json", cwd=tmp_path).document["items"][0]["version"] == 1


def test_too_many_bad_files_are_refused_and_listed(tmp_path: Path, photos: Path) -> None:
    for number in range(3):
        (photos / "daisy" / f"bad{number}.jpg").write_text(f"<html>{number}</html>")
    outcome = flowerops("preprocess", "--data-folder", photos, "--image-size", "32", "--json", cwd=tmp_path)
    assert outcome.code == 3
    assert [entry["path"] for entry in outcome.document["error"]["quarantined"]] == [
        f"daisy/bad{number}.jpg" for number in range(3)
    ]
    outcome = flowerops(
        "preprocess", "--data-folder", photos, "--image-size", "32", "--max-bad", "20%", "--json", cwd=tmp_path
    )
    assert outcome.code == 0
    assert len(outcome.document["quarantined"]) == 3
