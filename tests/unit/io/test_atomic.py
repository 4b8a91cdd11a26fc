from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flowerops.errors import DiskFullError, UsageError
from flowerops.io import atomic
from flowerops.io.atomic import TEMP_PREFIX, atomic_write, publish, publish_folder, remove_leftovers, staging_folder
from helpers.unprivileged import open_folder, run_unprivileged


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


# --- files ----------------------------------------------------------------------------------------------------------


def test_bytes_and_text_arrive_and_missing_folders_are_made(tmp_path):
    atomic_write(tmp_path / "a" / "b" / "file", b"\0\xff")
    atomic_write(tmp_path / "a" / "text", "ä\r\n")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"\0\xff"
    assert (tmp_path / "a" / "text").read_bytes() == "ä\r\n".encode()
    assert names(tmp_path / "a") == ["b", "text"]


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    calls = []
    real_fsync, real_replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("fsync"), real_fsync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (calls.append("replace"), real_replace(*paths)))
    atomic_write(tmp_path / "file", "x")
    assert calls == ["fsync", "replace", "fsync"]


def test_readers_see_the_old_or_the_new_bytes_and_nothing_between(tmp_path):
    target = tmp_path / "file"
    pages = [bytes([letter]) * 200_000 for letter in b"abc"]
    atomic_write(target, pages[0])
    stop = threading.Event()

    def write() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            atomic_write(target, pages[turn % 3], durable=False)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {target.read_bytes() for _ in range(300)}
    finally:
        stop.set()
        writer.join()
    assert seen <= set(pages)
    assert len(seen) > 1


_KILLED = """
import os, signal, sys
from pathlib import Path
from flowerops.io.atomic import atomic_write
os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
atomic_write(Path(sys.argv[1]), b"new")
"""


def test_a_process_killed_before_the_rename_leaves_the_old_bytes(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    assert run_python(_KILLED, target).returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"
    left = [name for name in names(tmp_path) if name != "file"]
    assert len(left) == 1
    assert left[0].startswith(TEMP_PREFIX)
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["file"]


_FULL = """
import resource, signal, sys
from pathlib import Path
from flowerops.errors import DiskFullError
from flowerops.io.atomic import atomic_write, publish_folder
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    if sys.argv[2] == "file":
        atomic_write(Path(sys.argv[1]), b"x" * 100_000)
    else:
        with publish_folder(Path(sys.argv[1])) as folder:
            (folder / "inside").write_bytes(b"x" * 100_000)
except DiskFullError as error:
    print(error.message, error.hint, sep="|")
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_full_disk_is_reported_and_leaves_nothing_behind(tmp_path, what):
    done = run_python(_FULL, tmp_path / "target", what)
    assert done.returncode == DiskFullError.exit_code == 9, done.stderr
    assert "no room left" in done.stdout
    assert str(tmp_path / "target") in done.stdout or what == "folder"
    assert "MB free" in done.stdout
    assert names(tmp_path) == []


def test_a_failed_write_keeps_the_old_bytes_and_no_temporary_file(tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        atomic_write(target, b"new")
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


_NOT_WRITABLE = """
import sys
from pathlib import Path
from flowerops.errors import FlowerOpsError
from flowerops.io.atomic import atomic_write
try:
    atomic_write(Path(sys.argv[1]), b"x")
except FlowerOpsError as error:
    print(error.message)
    sys.exit(error.exit_code)
"""


def test_a_folder_without_the_right_to_write_is_named():
    with open_folder() as folder:
        folder.chmod(0o555)
        done = run_unprivileged(_NOT_WRITABLE, folder / "file")
        assert done.returncode == UsageError.exit_code, done.stderr
        assert done.stdout.startswith(f"not writable: {folder}")


# --- folders --------------------------------------------------------------------------------------------------------


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "versions" / "one"
    with publish_folder(target) as temp:
        (temp / "deep" / "er").mkdir(parents=True)
        (temp / "deep" / "er" / "file").write_text("x")
        assert not target.exists()
    assert (target / "deep" / "er" / "file").read_text() == "x"
    assert names(tmp_path / "versions") == ["one"]


def test_a_failure_in_the_middle_publishes_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), publish_folder(tmp_path / "one") as temp:
        (temp / "file").write_text("x")
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_the_first_to_publish_a_content_wins(tmp_path):
    for text in ("first", "second"):
        with publish_folder(tmp_path / "one") as temp:
            (temp / "file").write_text(text)
    assert (tmp_path / "one" / "file").read_text() == "first"
    assert names(tmp_path) == ["one"]


def test_two_who_publish_the_same_content_at_once_both_succeed(tmp_path, monkeypatch):
    target = tmp_path / "one"
    real = atomic._sync_tree

    def somebody_is_faster(folder: Path) -> None:
        real(folder)
        target.mkdir()
        (target / "file").write_text("other")

    with staging_folder(tmp_path) as temp:
        (temp / "file").write_text("mine")
        monkeypatch.setattr(atomic, "_sync_tree", somebody_is_faster)
        publish(temp, target)
    assert (target / "file").read_text() == "other"
    assert names(tmp_path) == ["one"]


def test_a_staging_folder_is_gone_afterwards(tmp_path):
    with staging_folder(tmp_path) as temp:
        (temp / "file").write_text("x")
    assert names(tmp_path) == []


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / f"{TEMP_PREFIX}a").mkdir()
    (tmp_path / f"{TEMP_PREFIX}a" / "x").write_text("x")
    (tmp_path / f"{TEMP_PREFIX}b").write_text("x")
    (tmp_path / "kept").write_text("x")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["kept"]
