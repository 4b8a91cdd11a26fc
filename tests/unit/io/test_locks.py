from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.errors import ConflictError, UsageError
from flowerops.io.locks import exclusive
from helpers.unprivileged import open_folder, run_unprivileged

_HOLD = """
import sys, time
from pathlib import Path
from flowerops.io.locks import exclusive
with exclusive(Path(sys.argv[1]), "the door"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_held_lock_names_its_holder(tmp_path, holder):
    with pytest.raises(ConflictError) as caught, exclusive(tmp_path / "lock", "the door", timeout_s=0.1):
        pytest.fail("two processes hold one lock")
    assert caught.value.exit_code == 6
    assert caught.value.message.startswith(f"the door is locked by process {holder.pid} on ")
    assert " since 20" in caught.value.message


def test_the_lock_of_a_killed_process_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    with exclusive(tmp_path / "lock", "the door", timeout_s=5):
        assert str(os.getpid()) in (tmp_path / "lock.owner").read_text()


@pytest.mark.parametrize("note", ["{", "{}", "3", "[]"])
def test_a_damaged_owner_note_does_not_hide_the_conflict(tmp_path, holder, note):
    (tmp_path / "lock.owner").write_text(note)
    with pytest.raises(ConflictError, match="another process"), exclusive(tmp_path / "lock", "the door", timeout_s=0):
        pytest.fail("two processes hold one lock")


def test_a_waiting_process_gets_the_lock_when_it_is_free(tmp_path, holder):
    timer = threading.Timer(0.3, holder.kill)
    timer.start()
    started = time.monotonic()
    with exclusive(tmp_path / "lock", "the door", timeout_s=20):
        assert time.monotonic() - started >= 0.2
    timer.join()


def test_threads_exclude_one_another_and_an_error_frees_the_lock(tmp_path):
    inside = []
    most = []

    def work() -> None:
        with exclusive(tmp_path / "deep" / "lock", "the door"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "deep" / "lock", "the door"):
        raise ZeroDivisionError
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


_TRY = """
import sys
from pathlib import Path
from flowerops.errors import FlowerOpsError
from flowerops.io.locks import exclusive
try:
    with exclusive(Path(sys.argv[1]), "the door"):
        pass
except FlowerOpsError as error:
    print(error.message)
    sys.exit(error.exit_code)
"""


def test_a_lock_in_a_folder_that_cannot_be_written_says_so():
    with open_folder() as folder:
        folder.chmod(0o555)
        done = run_unprivileged(_TRY, folder / "locks" / "lock")
    assert done.returncode == UsageError.exit_code, done.stderr
    assert done.stdout.startswith("not writable: ")
