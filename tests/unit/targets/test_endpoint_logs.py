from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flowerops.serving.log_files import rotate_if_full
from flowerops.targets.local import endpoint_logs
from flowerops.targets.local.endpoint_logs import RequestCount, follow, last_lines
from helpers.growing_logs import begin_anew, grow
from helpers.served import wait_until


def test_the_last_lines_go_back_into_the_full_files_before(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    grow(log, "1", "2", "3")
    begin_anew(log)
    grow(log, "4")
    assert last_lines(log, 1) == ["4"]
    assert last_lines(log, 3) == ["2", "3", "4"]
    assert last_lines(log, 99) == ["1", "2", "3", "4"]
    assert last_lines(log, 0) == []
    assert last_lines(tmp_path / "none.log", 5) == []


def test_following_goes_over_to_the_log_that_takes_over_and_ends_with_the_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_logs, "POLL_S", 0.01)
    blue, green = tmp_path / "blue.log", tmp_path / "green.log"
    grow(blue, "1", "2", "3")
    grow(green, "5", "6")
    now: list[Path | None] = [blue]
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.extend(follow(lambda: now[0], 2)))
    thread.start()
    wait_until(lambda: seen == ["2", "3"], "the last lines", 60)
    grow(blue, "4")
    wait_until(lambda: seen == ["2", "3", "4"], "the next line", 60)
    now[0] = green
    wait_until(lambda: seen == ["2", "3", "4", "5", "6"], "the other log", 60)
    now[0] = None
    thread.join(60)
    assert not thread.is_alive()


def test_clients_requests_are_counted_and_tests_are_not(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    request = {"event": "request", "path": "/score", "status": 200, "ms": 5.5, "request_id": "abc"}
    grow(log, json.dumps(request))
    count = RequestCount(log)
    for change in ({}, {"status": 400}, {"status": 500}, {"path": "/"}, {"request_id": "smoketest-1"}, {"event": "x"}):
        grow(log, json.dumps(request | change))
    grow(log, "no json", "[]")
    count.look()
    assert (count.times_ms, count.errors) == ([5.5, 5.5, 5.5], 1)


def test_a_full_log_gets_a_number_and_no_line_is_lost(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    script = """
import subprocess, sys
from pathlib import Path
from flowerops.serving.log_files import rotate_if_full
log = Path(sys.argv[1])
for number in range(100):
    print(f"line {number:03d}", file=sys.stderr, flush=True)
    if number % 10 == 9:
        rotate_if_full(log, max_bytes=200, kept=2)
subprocess.run(["sh", "-c", "echo from a child; echo and its stderr >&2"])
"""
    with log.open("ab") as stream:
        subprocess.run([sys.executable, "-c", script, str(log)], stdout=stream, stderr=stream, check=True, timeout=60)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["a.log", "a.log.1", "a.log.2"]
    assert all(path.stat().st_size <= 400 for path in tmp_path.iterdir())
    lines = last_lines(log, 40)
    assert lines[-2:] == ["from a child", "and its stderr"]
    numbers = [int(line.split()[1]) for line in lines[:-2]]
    assert numbers == list(range(numbers[0], 100))
    assert len(numbers) >= 20


def test_a_log_that_cannot_be_moved_goes_on(tmp_path: Path) -> None:
    assert not rotate_if_full(tmp_path / "nowhere" / "a.log", max_bytes=0)
