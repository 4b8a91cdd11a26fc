"""A process that was got ready does what a new one would do, and none stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from flowerops import __version__
from flowerops.targets.local import ahead

pytestmark = pytest.mark.skipif(len(psutil.Process().cpu_affinity()) < 2, reason="nothing is got ready on one core")
VERSION = [sys.executable, "-m", "flowerops", "--version"]


def waiting() -> int:
    """The process that waits."""
    return ahead._waiting["train"].pid


def outcome(child: subprocess.Popen[str]) -> tuple[int, str]:
    return child.wait(120), child.stdout.read()


def test_the_step_runs_in_the_process_that_waits_and_the_next_one_in_a_new_process():
    with ahead.expecting("train", os.environ):
        ready = waiting()
        with (
            ahead.begin("train", VERSION, os.environ, {}) as first,
            ahead.begin("train", VERSION, os.environ, {}) as second,
        ):
            assert (first.pid == ready, second.pid == ready) == (True, False)
            assert outcome(first) == outcome(second) == (0, f"flowerops {__version__}\n")


def test_an_error_of_the_step_has_its_exit_code_and_variables_reach_it():
    with ahead.expecting("train", os.environ):
        command = [*VERSION[:3], "data", "list", "--json"]
        more = {"FLOWEROPS_TARGET": "nowhere"}
        with ahead.begin("train", command, os.environ, more) as child:
            code, said = outcome(child)
    assert code == 2
    assert "'local' or 'azureml'" in said


@pytest.mark.parametrize("failure", [None, KeyboardInterrupt])
def test_who_waits_in_vain_is_ended(failure):
    with contextlib.suppress(KeyboardInterrupt), ahead.expecting("train", os.environ):
        process = psutil.Process(waiting())
        if failure:
            raise failure
    assert not process.is_running()


def test_a_process_that_died_meanwhile_is_replaced():
    with ahead.expecting("train", os.environ):
        dead = waiting()
        os.kill(dead, signal.SIGKILL)
        time.sleep(0.2)
        with ahead.begin("train", VERSION, os.environ, {}) as child:
            assert child.pid != dead
            assert outcome(child)[0] == 0


def test_it_ends_when_nobody_is_there_any_more():
    command = [sys.executable, "-m", "flowerops.cli.ahead", "step", "train"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        child.stdin.close()
        child.stdin = None
        assert outcome(child) == (0, "")
