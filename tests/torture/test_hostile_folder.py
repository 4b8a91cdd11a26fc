"""Torture cases 12–18: one folder with everything odd at once, through the real command line."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowerops.io.http import send
from helpers.command import Outcome, flowerops
from helpers.hostile_photos import NOT_UTF8, ODD_NAMES, add_hostile, odd_but_good, unusable
from helpers.photos import make_photos
from helpers.served import process
from helpers.unprivileged import as_nobody, open_folder
from torture.syscalls import calls_in, traced

PREPROCESS = ("preprocess", "--data-folder", "photos", "--image-size", "32", "--json")
_MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


@dataclass(frozen=True)
class Run:
    """A preprocess: where, what it said, its largest process in kilobytes, and its system calls."""

    place: Path
    outcome: Outcome
    kilobytes: int
    trace: Path


def run(place: Path, *more: str) -> Run:
    measured = [sys.executable, "-c", _MEASURE, str(place / "kilobytes")]
    wrapper = [*traced("execve,execveat,connect", place / "trace"), *measured]
    outcome = flowerops(*PREPROCESS, *more, cwd=place, wrapper=wrapper)
    assert outcome.code == 0, outcome
    return Run(place, outcome, int((place / "kilobytes").read_text()), place / "trace")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("plain")
    make_photos(place / "photos", size=(24, 20))
    return run(place)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("hostile")
    make_photos(place / "photos", size=(24, 20))
    add_hostile(place / "photos")
    return run(place, "--max-bad", "30%")


def test_every_unusable_file_is_quarantined_with_path_and_reason(hostile: Run) -> None:
    told = {entry["path"]: entry["reason"] for entry in hostile.outcome.document["quarantined"]}
    expected = {f"daisy/{name}": reason for name, (_, reason) in unusable().items()}
    assert {path for path in told if "both.jpg" not in path} == set(expected)
    assert all(reason in told[path] for path, reason in expected.items()), told


def test_the_same_photo_under_two_labels_is_reported_with_both_paths(hostile: Run) -> None:
    told = {entry["path"]: entry["reason"] for entry in hostile.outcome.document["quarantined"]}
    assert told["daisy/both.jpg"] == "same photo under another class: roses/both.jpg"
    assert told["roses/both.jpg"] == "same photo under another class: daisy/both.jpg"


def test_links_out_loops_pipes_junk_and_names_that_are_no_text_are_skipped_and_reported(hostile: Run) -> None:
    told = {entry["path"]: entry["reason"] for entry in hostile.outcome.document["skipped"]}
    link = "link out of the folder, to a folder, or to nothing"
    links = {f"roses/{name}": link for name in ("out.jpg", "loop", "self.jpg", "nowhere.jpg")}
    others = {"roses/pipe.jpg": "not a regular file", "roses/Thumbs.db": "hidden or system file"}
    names = {"daisy/.hidden": "hidden or system folder", "daisy/latin-\\xe9.jpg": "name is not valid UTF-8"}
    assert told == links | others | names


def test_every_odd_but_good_photo_is_in_the_processed_version(hostile: Run) -> None:
    assert hostile.outcome.document["processed"]["classes"] == {
        "daisy": 12 + len(ODD_NAMES),
        "roses": 12 + len(odd_but_good()),
    }


def test_the_bomb_takes_no_memory(plain: Run, hostile: Run) -> None:
    assert hostile.kilobytes - plain.kilobytes < 100_000


def test_no_photo_starts_a_program_or_asks_an_address(plain: Run, hostile: Run) -> None:
    assert programs(hostile) == programs(plain) <= {Path(sys.executable).name, "git", "uname"}
    assert calls_in(hostile.trace, "execveat") == []
    assert [line for line in calls_in(hostile.trace, "connect") if "AF_INET" in line] == []


def programs(found: Run) -> set[str]:
    return {Path(line.partition('"')[2].partition('"')[0]).name for line in calls_in(found.trace, "execve")}


def test_strange_names_come_back_from_an_export(hostile: Run, tmp_path: Path) -> None:
    outcome = flowerops("data", "export", "flowers", tmp_path / "out", "--json", cwd=hostile.place)
    assert outcome.code == 0, outcome
    for name in ODD_NAMES:
        original = hostile.place / "photos/daisy" / name
        assert (tmp_path / "out/daisy" / name).read_bytes() == original.read_bytes()
    assert not any(NOT_UTF8 in os.fsencode(path) for path in (tmp_path / "out").rglob("*"))
    said = flowerops("data", "show", "flowers", cwd=hostile.place).stdout
    assert "\x1b" not in said


def test_the_server_gives_the_same_verdict(hostile: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    told = {entry["path"]: entry["reason"] for entry in hostile.outcome.document["quarantined"]}
    arguments = ("--bundle", str(tiny_bundle), "--model-name", "m", "--model-version", "1", "--port", "0")
    with process("flowerops.serving.server", *arguments, log=tmp_path / "log") as server:
        url = server.ready()
        for name, (data, _) in unusable().items():
            answer = send("POST", f"{url}/score", data, {"Content-Type": "image/jpeg"})
            assert answer.status == 400, name
            assert told[f"daisy/{name}"] in answer.json()["error"]["message"], name


@pytest.mark.parametrize("locked", ["photos/daisy/daisy_0003.jpg", "photos/roses"])
def test_what_cannot_be_read_is_named_and_nothing_is_taken_in(locked: str) -> None:
    with open_folder() as place:
        make_photos(place / "photos", size=(24, 20))
        place.chmod(0o777)
        (place / locked).chmod(0)
        outcome = flowerops(*PREPROCESS[:-1], cwd=place, wrapper=as_nobody())
        assert outcome.code == 3, outcome
        assert locked in outcome.stderr
        assert "Permission denied" in outcome.stderr
        listed = flowerops("data", "list", "--json", cwd=place, wrapper=as_nobody())
        assert listed.document["items"] == []
