"""Files for people: made once, kept when they were changed, and the same again does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.errors import BadInputError
from flowerops.services.scaffold import ProjectFile, check_folder, with_line, write_files

FILES = [
    ProjectFile("flowerops.toml", 'target = "local"\n'),
    ProjectFile("ci/run.sh", "#!/bin/sh\n", executable=True),
    ProjectFile(".gitignore", ".env\nout/\n", lines=True),
]


def actions(folder: Path, *, force: bool = False, dry_run: bool = False) -> dict[str, str]:
    return {one.path: one.action for one in write_files(folder, FILES, force=force, dry_run=dry_run)}


def test_an_empty_folder_gets_everything_and_the_same_again_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "new/project"
    assert set(actions(folder).values()) == {"created"}
    assert (folder / "ci/run.sh").stat().st_mode & 0o111
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert set(actions(folder).values()) == {"unchanged"}
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_what_somebody_changed_is_kept_unless_force_is_said(tmp_path: Path) -> None:
    (tmp_path / "flowerops.toml").write_text("mine\n")
    assert actions(tmp_path)["flowerops.toml"] == "kept"
    assert (tmp_path / "flowerops.toml").read_text() == "mine\n"
    assert actions(tmp_path, force=True)["flowerops.toml"] == "replaced"
    assert (tmp_path / "flowerops.toml").read_text() == FILES[0].text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b".env\nout/\n"),
        (b"*.pyc", b"*.pyc\n.env\nout/\n"),
        (b"out/\n*.pyc\n", b"out/\n*.pyc\n.env\n"),
        (b"caf\xe9\n", b"caf\xe9\n.env\nout/\n"),
    ],
)
def test_lines_that_are_missing_are_added_and_the_others_stay(tmp_path: Path, before: bytes, after: bytes) -> None:
    (tmp_path / ".gitignore").write_bytes(before)
    assert actions(tmp_path)[".gitignore"] == "extended"
    assert (tmp_path / ".gitignore").read_bytes() == after
    assert actions(tmp_path)[".gitignore"] == "unchanged"


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    said = actions(tmp_path, dry_run=True)
    assert said == {"flowerops.toml": "created", "ci/run.sh": "created", ".gitignore": "extended"}
    assert [path.name for path in tmp_path.iterdir()] == [".gitignore"]
    assert actions(tmp_path) == said


def test_nothing_is_written_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (project / "ci").symlink_to(elsewhere)
    with pytest.raises(BadInputError, match="by a link"):
        actions(project, force=True)
    assert list(elsewhere.iterdir()) == []
    assert not (project / "flowerops.toml").exists(), "it is found out before anything is written"


@pytest.mark.parametrize("way", ["folder in the place of a file", "file in the place of a folder"])
def test_what_is_in_the_way_is_named(tmp_path: Path, way: str) -> None:
    if way.startswith("folder"):
        (tmp_path / "flowerops.toml").mkdir()
    else:
        (tmp_path / "ci").write_text("")
    with pytest.raises(BadInputError, match=r"flowerops\.toml|run\.sh"):
        actions(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match="is a file"):
        check_folder(tmp_path / "file")


def test_a_line_is_replaced_as_it_is_given() -> None:
    assert with_line("a: 1\nb: 2\n", "a: ", r"\1\g<0>") == "a: \\1\\g<0>\nb: 2\n"
    for text in ("b: 2\n", "a: 1\na: 2\n"):
        with pytest.raises(AssertionError):
            with_line(text, "a: ", "3")
