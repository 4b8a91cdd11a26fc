from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowerops.errors import ConflictError, FlowerOpsError, StoreIntegrityError, UsageError
from flowerops.targets.local import numbers as module
from flowerops.targets.local.numbers import Numbered, Numbers
from helpers.unprivileged import open_folder, run_unprivileged


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def digest(number: int) -> str:
    return f"{number:064x}"


def test_versions_are_counted_from_one_for_each_name(ledger):
    numbers = Numbers(ledger)
    assert [numbers.number("flowers", digest(n)).version for n in range(3)] == [1, 2, 3]
    assert numbers.number("trees", digest(0)) == Numbered("trees", 1, digest(0))
    assert numbers.number("flowers", digest(9)).version == 4


def test_the_same_content_keeps_its_number(ledger):
    first = [Numbers(ledger).number("flowers", digest(n)) for n in range(3)]
    again = [Numbers(ledger).number("flowers", digest(n)) for n in (2, 0, 1)]
    assert sorted(again, key=lambda found: found.version) == first
    assert len(Numbers(ledger).all("flowers")) == 3


def test_the_newest_comes_first(ledger):
    numbers = Numbers(ledger)
    for name, number in (("a", 1), ("b", 1), ("a", 2)):
        numbers.number(name, digest(number))
    assert numbers.all("a") == [Numbered("a", 2, digest(2)), Numbered("a", 1, digest(1))]
    assert [found.name for found in numbers.all()] == ["a", "b", "a"]
    assert numbers.all("nobody") == []


def test_before_the_first_version_there_is_none_and_asking_makes_no_file(ledger):
    assert Numbers(ledger).all() == []
    assert not ledger.exists()


@pytest.mark.parametrize("name", ["a b%20c?mode=ro#x", "ünï 花", "quote'"])
def test_the_home_may_have_any_name(tmp_path, name):
    (tmp_path / name).mkdir()
    numbers = Numbers(tmp_path / name / "ledger.db")
    assert numbers.number("flowers", digest(1)).version == 1
    assert len(numbers.all()) == 1
    assert (tmp_path / name / "ledger.db").is_file()


# --- many at once ---------------------------------------------------------------------------------------------------


def test_twenty_threads_get_twenty_numbers_without_a_gap(ledger):
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda n: Numbers(ledger).number("flowers", digest(n)).version, range(20)))
    assert sorted(found) == list(range(1, 21))


_NUMBER = """
import sys
from pathlib import Path
from flowerops.targets.local.numbers import Numbers
sys.stdin.readline()
print(Numbers(Path(sys.argv[1])).number("flowers", sys.argv[2].rjust(64, "0")).version)
"""


def start(ledger: Path, *digests: str) -> list[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return [subprocess.Popen([sys.executable, "-c", _NUMBER, str(ledger), each], **pipes) for each in digests]


def versions(processes: list[subprocess.Popen[str]]) -> list[int]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return found


def test_twenty_processes_get_twenty_numbers_without_a_gap(ledger):
    assert sorted(versions(start(ledger, *map(str, range(20))))) == list(range(1, 21))


def test_processes_with_the_same_content_get_the_same_number(ledger):
    assert sorted(versions(start(ledger, *["7"] * 5, "8"))) in ([1] * 5 + [2], [1] + [2] * 5)


# --- accidents ------------------------------------------------------------------------------------------------------


def test_a_file_that_a_killed_process_left_empty_is_an_empty_ledger(ledger):
    ledger.touch()
    assert Numbers(ledger).all() == []
    assert Numbers(ledger).number("flowers", digest(1)).version == 1


_KILLED_IN_COMMIT = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
for n in range(3000):
    connection.execute("INSERT INTO versions (name, version, digest, created) VALUES ('x', ?, ?, '')", (n, str(n)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_transaction_cut_short_by_a_kill_is_rolled_back_by_the_next_reader(ledger):
    before = Numbers(ledger).number("flowers", digest(1))
    done = subprocess.run([sys.executable, "-c", _KILLED_IN_COMMIT, str(ledger)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert ledger.with_name("ledger.db-journal").exists()
    assert Numbers(ledger).all() == [before]
    assert Numbers(ledger).number("flowers", digest(2)).version == 2


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_ledger_is_an_integrity_error(ledger, content):
    ledger.write_bytes(content)
    for work in (Numbers(ledger).all, lambda: Numbers(ledger).number("flowers", digest(1))):
        with pytest.raises(StoreIntegrityError, match=r"ledger\.db") as caught:
            work()
        assert caught.value.exit_code == 5
        assert caught.value.hint


def test_a_ledger_locked_for_long_is_a_conflict(ledger, monkeypatch):
    Numbers(ledger).number("flowers", digest(1))
    monkeypatch.setattr(module, "_BUSY_TIMEOUT_S", 0.1)
    other = sqlite3.connect(ledger, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(ConflictError, match="locked") as caught:
            Numbers(ledger).number("flowers", digest(2))
        assert caught.value.exit_code == 6
        assert len(Numbers(ledger).all()) == 1
    finally:
        other.close()


def test_a_missing_home_is_a_plain_error(tmp_path):
    with pytest.raises(FlowerOpsError, match="unable to open"):
        Numbers(tmp_path / "nowhere" / "ledger.db").number("flowers", digest(1))


_READ_ONLY = """
import sys
from pathlib import Path
from flowerops.errors import FlowerOpsError
from flowerops.targets.local.numbers import Numbers
numbers = Numbers(Path(sys.argv[1]))
print([found.version for found in numbers.all()])
try:
    numbers.number("flowers", "f" * 64)
except FlowerOpsError as error:
    print(error.message, error.hint)
    sys.exit(error.exit_code)
"""


def test_a_read_only_store_can_be_read_and_says_that_it_cannot_be_written():
    with open_folder() as folder:
        Numbers(folder / "ledger.db").number("flowers", digest(1))
        (folder / "ledger.db").chmod(0o444)
        folder.chmod(0o555)
        done = run_unprivileged(_READ_ONLY, folder / "ledger.db")
    assert done.returncode == UsageError.exit_code, done.stderr
    assert done.stdout.startswith("[1]\n")
    assert "writable" in done.stdout
