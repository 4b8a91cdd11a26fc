"""Work is spread over processes that end with their parent, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flowerops.errors import BadInputError, RemoteError
from flowerops.io.crew import spread
from helpers.crew_jobs import Doubling
from helpers.served import wait_until

MANY = 2_000
TESTS = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def helpers_find_the_tests(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


def job(folder: Path, **more: object) -> Doubling:
    return Doubling(folder, parent=os.getpid(), **more)  # type: ignore[arg-type]


def test_results_come_in_order_from_several_processes(tmp_path):
    found = list(spread(job(tmp_path, pause_s=0.005), range(MANY), workers=3))
    assert [number for number, _ in found] == [2 * number for number in range(MANY)]
    assert len({process for _, process in found}) == 3


def test_few_things_are_done_in_this_process(tmp_path):
    found = list(spread(job(tmp_path), range(50), workers=3))
    assert {process for _, process in found} == {os.getpid()}
    assert (tmp_path / f"{os.getpid()}.closed").exists()


def test_nothing_to_do_is_done(tmp_path):
    assert list(spread(job(tmp_path), [], workers=3)) == []


@pytest.mark.parametrize("number", [0, 40, MANY - 1])
def test_an_error_in_any_process_is_raised_here_whole(tmp_path, number):
    with pytest.raises(BadInputError, match="cannot be doubled") as caught:
        list(spread(job(tmp_path, fails_at=number), range(MANY), workers=3))
    assert caught.value.hint == "Take another."
    assert (tmp_path / f"{os.getpid()}.closed").exists()


def test_a_helper_that_dies_is_told(tmp_path):
    with pytest.raises(RemoteError, match="exit code 7"):
        list(spread(job(tmp_path, dies=True, pause_s=0.01), range(MANY), workers=3))


def test_a_reader_that_stops_early_leaves_no_process_behind(tmp_path):
    before = psutil.Process().children()  # other tests' servers live as long as this process
    results = spread(job(tmp_path, pause_s=0.005), range(MANY), workers=3)
    assert next(results)[0] == 0
    results.close()
    assert psutil.Process().children() == before


_PROGRAM = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell switches it off for what it runs in the background
from flowerops.io.crew import spread
from helpers.crew_jobs import Doubling
list(spread(Doubling(Path(sys.argv[1]), pause_s=0.05), range(100_000), workers=3))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_helpers_end_with_their_parent(tmp_path, how):
    parent = subprocess.Popen([sys.executable, "-c", _PROGRAM, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(list(tmp_path.iterdir())) >= 3, "all processes to begin")
    helpers = psutil.Process(parent.pid).children()
    assert len(helpers) == 2
    parent.send_signal(how)
    _, said = parent.communicate(timeout=20)
    wait_until(lambda: not any(helper.is_running() for helper in helpers), "the helpers to end")
    assert "BrokenPipeError" not in said
    assert said.count("Traceback") <= 1  # the interrupted parent's own
