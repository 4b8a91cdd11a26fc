from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.errors import ConflictError
from flowerops.io.presence import alone, announce, leave
from helpers.unprivileged import open_folder, run_unprivileged

IMPORTS = "import sys; from pathlib import Path; from flowerops.io import presence\n"
WRITER = """
import sys, time
from pathlib import Path
from flowerops.io.presence import announce
announce(Path(sys.argv[1]))
print("writing", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "writing\n"
    yield child
    child.kill()
    child.wait(10)
    child.stdin.close()  # type: ignore[union-attr]
    child.stdout.close()


def test_nobody_cleans_while_a_writer_lives(tmp_path, writer):
    with pytest.raises(ConflictError, match=f"process {writer.pid} ") as caught, alone(tmp_path):
        pass
    assert caught.value.exit_code == 6


def test_a_writer_that_ended_is_gone(tmp_path, writer):
    writer.communicate("", timeout=10)
    with alone(tmp_path):
        assert list((tmp_path / "writers").iterdir()) == []


def test_a_killed_writer_stands_in_nobodys_way(tmp_path, writer):
    writer.kill()
    writer.wait(10)
    assert list((tmp_path / "writers").iterdir()) != []
    with alone(tmp_path):
        assert list((tmp_path / "writers").iterdir()) == []


def test_many_writers_work_at_once_and_the_last_one_counts(tmp_path, writer):
    announce(tmp_path)
    announce(tmp_path)
    leave(tmp_path)
    leave(tmp_path)
    with pytest.raises(ConflictError), alone(tmp_path):
        pass


def test_a_writer_waits_for_the_cleaner(tmp_path):
    with alone(tmp_path), pytest.raises(ConflictError, match="the clean-up is locked by process"):
        announce(tmp_path, timeout_s=0.2)
    announce(tmp_path)
    leave(tmp_path)


def test_a_writer_begins_when_the_cleaner_ends(tmp_path):
    child = None
    try:
        with alone(tmp_path):
            child = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            time.sleep(1.0)
            assert list(tmp_path.glob("writers/*.lock")) == []
        assert child.communicate("", timeout=20)[0] == "writing\n"
    finally:
        if child is not None:
            child.kill()
            child.wait(10)


def test_two_cleaners_do_not_meet(tmp_path):
    code = IMPORTS + "with presence.alone(Path(sys.argv[1])): pass"
    with alone(tmp_path):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=30)
    assert "ConflictError" in done.stderr


def test_where_nothing_can_be_written_there_is_nothing_to_say():
    with open_folder() as folder:
        (folder / "locks").mkdir()
        folder.chmod(0o555)
        (folder / "locks").chmod(0o555)
        done = run_unprivileged(IMPORTS + "presence.announce(Path(sys.argv[1]))", folder / "locks")
        assert done.returncode == 0, done.stderr
        assert list((folder / "locks").iterdir()) == []
