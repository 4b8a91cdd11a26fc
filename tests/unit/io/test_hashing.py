from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.errors import StoreIntegrityError
from flowerops.io.hashing import (
    SEAL_FILE,
    SealedReader,
    seal_folder,
    seal_problems,
    sha256_bytes,
    sha256_file,
    verify_seal,
)

ODD_NAMES = [
    "plain",
    "with blank",
    "two  blanks",
    " leading",
    "-dash",
    "ünï花",
    "back\\slash",
    "line\nfeed",
    "sep\u2028\x85\x0b",
]


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    folder = tmp_path / "sealed"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    seal_folder(folder)
    return folder


@given(st.binary(max_size=5000))
@settings(max_examples=30)
def test_files_and_bytes_hash_alike(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("hash") / "file"
    file.write_bytes(data)
    assert sha256_file(file) == sha256_bytes(data) == hashlib.sha256(data).hexdigest()


def test_an_intact_folder_verifies_and_gives_its_digest(sealed):
    digest = sha256_file(sealed / SEAL_FILE)
    assert seal_problems(sealed) == []
    assert verify_seal(sealed) == verify_seal(sealed, digest) == digest


def test_the_same_files_give_the_same_seal_anywhere(sealed, tmp_path):
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(sealed, copy, ignore=shutil.ignore_patterns(SEAL_FILE))
    assert seal_folder(copy) == verify_seal(sealed)


def test_sealing_again_changes_nothing(sealed):
    assert seal_folder(sealed) == verify_seal(sealed)


def test_a_changed_file_is_named_with_both_hashes(sealed):
    before = sha256_file(sealed / "sub" / "b.txt")
    (sealed / "sub" / "b.txt").write_text("B")
    assert seal_problems(sealed) == [{"path": "sub/b.txt", "expected": before, "got": sha256_bytes(b"B")}]
    with pytest.raises(StoreIntegrityError, match=r"sub/b\.txt") as caught:
        verify_seal(sealed)
    assert caught.value.exit_code == 5
    assert caught.value.details["problems"][0]["path"] == "sub/b.txt"


def test_an_added_and_a_missing_file_are_named(sealed):
    (sealed / "a.txt").unlink()
    (sealed / "c.txt").write_text("c")
    found = {problem["path"]: problem["got"] for problem in seal_problems(sealed)}
    assert found == {"a.txt": "missing", "c.txt": "unexpected"}


def test_a_link_added_to_a_sealed_folder_is_noticed(sealed, tmp_path):
    (sealed / "link").symlink_to(tmp_path / "nowhere")
    assert [problem["path"] for problem in seal_problems(sealed)] == ["link"]


def test_a_link_in_the_place_of_a_file_is_noticed(sealed, tmp_path):
    for target in (tmp_path / "nowhere", tmp_path):
        (sealed / "a.txt").unlink()
        (sealed / "a.txt").symlink_to(target)
        with pytest.raises(StoreIntegrityError, match=r"a\.txt: unreadable"):
            verify_seal(sealed)


def test_devices_and_pipes_are_noticed_and_not_read(sealed):
    (sealed / "a.txt").unlink()
    (sealed / "a.txt").symlink_to("/dev/zero")  # it has no end
    os.mkfifo(sealed / "pipe")
    assert {(one["path"], one["got"]) for one in seal_problems(sealed)} == {
        ("a.txt", "not a regular file"),
        ("pipe", "unexpected"),
    }


@pytest.mark.parametrize("name", ["../outside", "/dev/zero", "sub", "a\0b", "sub/../a.txt"])
def test_only_files_that_are_sealed_are_read(sealed, name):
    (sealed.parent / "outside").write_text("x")
    reader = SealedReader(sealed, verify_seal(sealed))
    assert reader.read("sub/b.txt") == b"b"
    with pytest.raises(StoreIntegrityError, match="not one of its files"):
        reader.read(name)


def test_a_folder_without_a_seal_does_not_verify(tmp_path):
    with pytest.raises(StoreIntegrityError, match=f"{SEAL_FILE}: missing"):
        verify_seal(tmp_path)


def test_another_folder_than_the_wanted_one_does_not_verify(sealed):
    with pytest.raises(StoreIntegrityError, match="expected ffffffffffff"):
        verify_seal(sealed, "f" * 64)


@pytest.mark.parametrize("seal", [b"", b"nonsense\n", b"\xff\xfe\0", b"a" * 64 + b"  ../../etc/passwd\n"])
def test_a_damaged_seal_is_an_integrity_error(sealed, seal):
    (sealed / SEAL_FILE).write_bytes(seal)
    with pytest.raises(StoreIntegrityError):
        verify_seal(sealed)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_file_names_are_sealed_like_any_other(tmp_path, name):
    (tmp_path / name).write_text("x")
    digest = seal_folder(tmp_path)
    assert verify_seal(tmp_path, digest) == digest
    (tmp_path / name).write_text("y")
    assert [problem["path"] for problem in seal_problems(tmp_path)] == [name]


def test_the_seal_is_what_sha256sum_reads(tmp_path):
    for name in ODD_NAMES:
        (tmp_path / name).write_text(name)
    seal_folder(tmp_path)
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", SEAL_FILE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr + done.stdout
