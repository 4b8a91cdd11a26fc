"""Torture case 8: whoever holds a lock is named with its process and since when; the lock of a dead process is free."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowerops.io.presence import leave
from helpers.command import Outcome, clean_environment, command_line, flowerops
from helpers.photos import make_photos
from helpers.served import wait_until
from helpers.tiny_store import TinyStore
from torture.harness import signalled

SMALL = ("--image-size", "32")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with flowers:1, an object that nobody needs, and more photos."""
    store = TinyStore(tmp_path)
    store.add(store.photos())
    leave(store.home.locks)  # else this process would be the writer that all of them meet
    (tmp_path / "home").rename(tmp_path / ".flowerops")
    make_photos(tmp_path / "more", per_class=8, seed=5)
    orphan = tmp_path / ".flowerops/objects/ab" / ("c" * 62)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"x")
    return tmp_path


@contextmanager
def stopped(place: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that has stopped at its first change to the stored photos, and is killed in the end."""
    env = clean_environment(**signalled(place / ".flowerops/objects", 1, signal.SIGSTOP))
    with subprocess.Popen(
        command_line(*arguments), cwd=place, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: state_of(process) == "T", f"{arguments[0]} to stop")
            yield process
        finally:
            process.kill()


def state_of(process: subprocess.Popen[bytes]) -> str:
    """The kernel's letter for what a process does; T: it was stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def assert_names(holder: subprocess.Popen[bytes], outcome: Outcome) -> None:
    assert outcome.code == 6, outcome
    assert re.search(rf"process {holder.pid} on \S+ since \d{{4}}-\d\d-\d\dT", outcome.stderr), outcome.stderr
    assert "Wait for it to end" in outcome.stderr


@pytest.mark.slow
def test_a_preprocess_that_lives_is_named_to_who_would_clean_up(place: Path) -> None:
    with stopped(place, "preprocess", "--data-folder", "more", "--dataset", "more", *SMALL) as holder:
        assert_names(holder, flowerops("gc", cwd=place))
        assert_names(holder, flowerops("data", "rm", "flowers_processed:1", cwd=place))
        holder.send_signal(signal.SIGCONT)
        assert holder.wait() == 0
    assert flowerops("data", "rm", "flowers_processed:1", cwd=place).code == 0
    assert flowerops("data", "verify", cwd=place).code == 0


def test_a_preprocess_that_was_killed_stands_in_nobodys_way(place: Path) -> None:
    with stopped(place, "preprocess", "--data-folder", "more", "--dataset", "more", *SMALL) as holder:
        holder.kill()
        holder.wait()
        assert flowerops("data", "rm", "flowers_processed:1", cwd=place).code == 0
        assert flowerops("gc", "--json", cwd=place).document["removed"]["object"] >= 1
    assert list((place / ".flowerops/locks/writers").iterdir()) == []
    assert flowerops("data", "verify", cwd=place).code == 0


def test_a_clean_up_that_lives_is_named_and_one_that_was_killed_lets_a_preprocess_begin(place: Path) -> None:
    with stopped(place, "gc") as holder:
        outcome = flowerops("gc", cwd=place)
        assert_names(holder, outcome)
        assert "the clean-up is locked by" in outcome.stderr
        assert_names(holder, flowerops("data", "rm", "flowers_processed:1", cwd=place))
        holder.kill()
        holder.wait()
        # A writer, too, passes through the lock of the clean-up; this one only looks and computes nothing.
        assert flowerops("preprocess", "--data-folder", "more", "--dry-run", cwd=place).code == 0
    assert flowerops("gc", "--json", cwd=place).document["removed"]["object"] == 1
