from __future__ import annotations

import getpass
import importlib.metadata
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flowerops.io import surroundings
from flowerops.io.surroundings import build_info, code_info, environment_info, now


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("one\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_clean_work_tree_is_its_commit(repository):
    info = code_info(repository)
    assert info.commit == git(repository, "rev-parse", "HEAD")
    assert len(info.commit) == 40
    assert (info.dirty, info.diff_digest) == (False, None)


def test_every_difference_has_a_digest_of_its_own(repository):
    digests = set()
    for text in ("two\n", "three\n"):
        (repository / "code.py").write_text(text)
        info = code_info(repository)
        assert info.dirty
        digests.add(info.diff_digest)
    git(repository, "checkout", "--quiet", "code.py")
    (repository / "new.py").write_text("new")
    digests.add(code_info(repository).diff_digest)
    assert len(digests) == 3
    assert None not in digests


def test_a_folder_below_the_root_knows_the_commit(repository):
    (repository / "below").mkdir()
    assert code_info(repository / "below").commit == git(repository, "rev-parse", "HEAD")


def test_outside_of_git_and_without_git_nothing_is_said(tmp_path, repository, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    assert code_info(empty).commit is None
    assert code_info(tmp_path / "missing").commit is None
    monkeypatch.setenv("PATH", str(empty))
    assert code_info(repository).commit is None


def test_the_build_is_the_given_one_then_the_ci_systems_then_this_person():
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77"}
    given = build_info(ci, "mine", "https://ci.example/1")
    assert (given.kind, given.id, given.uri) == ("given", "mine", "https://ci.example/1")
    assert (build_info(ci).kind, build_info(ci).id) == ("github", "77")
    laptop = build_info({})
    assert (laptop.kind, laptop.id) == ("laptop", f"{getpass.getuser()}@{socket.gethostname()}")


def test_a_user_without_a_name_is_no_obstacle(monkeypatch):
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr(surroundings.getpass, "getuser", nobody)
    assert build_info({}).id.startswith("unknown@")


def test_the_environment_names_what_decides_about_results():
    info = environment_info()
    assert info["numpy"] == importlib.metadata.version("numpy")
    assert info["pillow"] == importlib.metadata.version("pillow")
    assert len(info["packages_digest"]) == 64
    assert info == environment_info()


def test_times_are_utc_to_the_second():
    said = datetime.fromisoformat(now())
    assert said.utcoffset() == UTC.utcoffset(None)
    assert abs((datetime.now(UTC) - said).total_seconds()) < 5
    assert said.microsecond == 0
