"""Runs of the local target: what is listed, which of them still live, their logs, and their end."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, ConflictError, RemoteError
from flowerops.targets.local.logs import log_file
from flowerops.targets.local.owners import OWNER_TAG, Owner, owner_of
from flowerops.targets.local.target import LocalTarget

_WORKER = """
import signal, sys, time
from pathlib import Path
from flowerops.targets.local.target import LocalTarget
if sys.argv[2] == "polite":
    def end(number, frame):
        raise SystemExit(143)
    signal.signal(signal.SIGTERM, end)
runs = LocalTarget(Path(sys.argv[1])).runs
with runs.pipeline_run("flowers", "train", {}) as run_id:
    with runs.recorded_step(run_id, "train", {}):
        print(run_id, flush=True)
        time.sleep(120)
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> LocalTarget:
    return LocalTarget(tmp_path_factory.mktemp("runs") / "home")


class Listener(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


class Worker:
    """Another process that works on a run until it is stopped."""

    def __init__(self, target: LocalTarget, manners: str = "polite") -> None:
        command = [sys.executable, "-c", _WORKER, str(target.home.root), manners]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.run_id = self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


@pytest.fixture
def worker(target: LocalTarget) -> Iterator[Worker]:
    made = Worker(target)
    yield made
    made.kill()


def make_run(target: LocalTarget, *steps: str, experiment: str = "flowers", fails: bool = False) -> str:
    try:
        with target.runs.pipeline_run(experiment, "run", {"run_type": "run"}) as run_id:
            for step in steps:
                with target.runs.recorded_step(run_id, step, {}) as step_id:
                    file = log_file(target.home.run_folder(run_id), step, step_id)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(f"{step} begins\nthe end of {step}")
                    if fails and step == steps[-1]:
                        raise RuntimeError
    except RuntimeError:
        pass
    return run_id


# --- lists and lives ------------------------------------------------------------------------------------------------


def test_pipeline_runs_are_listed_newest_first_with_their_steps(target):
    made = [make_run(target, "preprocess", "train", experiment="listed") for _ in range(3)]
    elsewhere = make_run(target, "train", experiment="another")
    found = target.runs.all(experiment="listed")
    assert [run.id for run in found] == made[::-1]
    assert [step.name for step in found[0].steps] == ["preprocess", "train"]
    assert [run.id for run in target.runs.all(2, "listed")] == made[:0:-1]
    assert target.runs.all(1)[0].id == elsewhere
    assert target.runs.all(experiment="nobody's") == []


def test_a_run_names_its_process_and_lives_as_long_as_that(target, worker):
    run = target.runs.find(worker.run_id)
    owner = owner_of(run.tags)
    assert owner is not None
    assert owner.pid == worker.process.pid
    assert (run.status, run.abandoned, run.steps[0].status) == ("RUNNING", False, "RUNNING")
    worker.kill()
    run = target.runs.find(worker.run_id)
    assert (run.status, run.abandoned) == ("KILLED", True)
    assert (run.steps[0].status, run.steps[0].abandoned) == ("KILLED", True)
    with pytest.raises(RemoteError, match=rf"abandoned: process {owner.pid} on .* is gone"):
        target.runs.wait(worker.run_id, SilentProgress())


def test_another_process_with_the_same_pid_is_not_the_owner(target, worker):
    owner = owner_of(target.runs.find(worker.run_id).tags)
    assert owner is not None
    before = owner.model_copy(update={"started": owner.started - 3600})
    target.runs.tag(worker.run_id, {OWNER_TAG: before.model_dump_json()})
    assert target.runs.find(worker.run_id).abandoned


def test_a_run_without_an_owner_counts_as_running(target):
    run_id = target._ledger.start_run("flowers", "of an earlier version", {})
    assert target.runs.find(run_id).status == "RUNNING"
    assert target.runs.cancel(run_id).status == "KILLED"


# --- cancel ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("manners", "code"), [("polite", 143), ("rude", -signal.SIGTERM)])
def test_cancel_stops_the_process_and_leaves_no_open_run(target, manners, code):
    worker = Worker(target, manners)
    try:
        waiting = threading.Thread(target=worker.process.wait)  # its parent must reap it
        waiting.start()
        run = target.runs.cancel(worker.run_id)
        waiting.join(20)
        assert worker.process.returncode == code
        assert (run.status, run.abandoned) == ("KILLED", False)
        assert [step.status for step in run.steps] == ["KILLED"]
        with pytest.raises(RemoteError, match="was cancelled in step train"):
            target.runs.wait(worker.run_id, SilentProgress())
    finally:
        worker.kill()


def test_cancel_closes_what_a_killed_process_left_open(target, worker):
    worker.kill()
    run = target.runs.cancel(worker.run_id)
    assert (run.status, run.abandoned, run.steps[0].status) == ("KILLED", False, "KILLED")
    assert target._ledger.run(worker.run_id).status == "KILLED"


def test_cancel_leaves_a_run_that_ended(target):
    run_id = make_run(target, "train")
    assert target.runs.cancel(run_id).status == "FINISHED"


def test_a_run_of_another_machine_is_neither_dead_nor_ours_to_stop(target):
    elsewhere = Owner(host="elsewhere", pid=1, started=0.0)
    run_id = target._ledger.start_run("flowers", "far away", {OWNER_TAG: elsewhere.model_dump_json()})
    assert target.runs.find(run_id).status == "RUNNING"
    with pytest.raises(ConflictError, match="process 1 on elsewhere"):
        target.runs.cancel(run_id)
    assert target.runs.find(run_id).status == "RUNNING"


# --- wait -----------------------------------------------------------------------------------------------------------


def test_wait_tells_of_the_steps_and_gives_the_finished_run(target):
    listener = Listener()
    run = target.runs.wait(make_run(target, "preprocess", "train"), listener)
    assert run.status == "FINISHED"
    assert listener.lines == ["preprocess: finished", "train: finished"]


def test_wait_for_a_failed_run_is_a_failure_that_names_the_step(target):
    run_id = make_run(target, "preprocess", "train", fails=True)
    with pytest.raises(RemoteError, match=f"run {run_id} failed in step train") as caught:
        target.runs.wait(run_id, SilentProgress())
    assert caught.value.details == {"run_id": run_id, "status": "FAILED", "step": "train"}


def test_wait_lasts_until_the_other_process_ends(target, worker):
    threading.Timer(1.5, worker.kill).start()
    started = time.monotonic()
    with pytest.raises(RemoteError, match="abandoned"):
        target.runs.wait(worker.run_id, SilentProgress())
    assert time.monotonic() - started > 1


# --- logs -----------------------------------------------------------------------------------------------------------


def test_logs_come_step_by_step_to_the_last_line(target):
    run_id = make_run(target, "preprocess", "train")
    lines = [(line.step, line.text) for line in target.runs.logs(run_id)]
    assert lines == [
        ("preprocess", "preprocess begins"),
        ("preprocess", "the end of preprocess"),
        ("train", "train begins"),
        ("train", "the end of train"),
    ]
    assert [line.text for line in target.runs.logs(run_id, "train")] == ["train begins", "the end of train"]
    assert len(list(target.runs.logs(run_id, follow=True))) == 4


def test_unknown_runs_and_steps_are_refused_before_the_first_line(target):
    with pytest.raises(BadInputError, match="there is no run 'nobody'") as caught:
        target.runs.logs("nobody")
    assert caught.value.hint == "See the runs with: flowerops runs list"
    with pytest.raises(BadInputError, match="has no step 'trian'") as caught:
        target.runs.logs(make_run(target, "train"), "trian")
    assert caught.value.hint == "Did you mean 'train'?"


def test_a_step_that_wrote_nothing_has_no_lines(target):
    with target.runs.pipeline_run("flowers", "register", {}) as run_id, target.runs.recorded_step(run_id, "x", {}):
        pass
    assert list(target.runs.logs(run_id)) == []


def test_following_gives_whole_lines_as_they_come_and_ends_with_the_run(target, worker):
    (step,) = target.runs.find(worker.run_id).steps
    file = log_file(target.home.run_folder(worker.run_id), "train", step.id)
    file.parent.mkdir(parents=True)
    file.write_text("epoch 1/2\nepoch")
    lines = target.runs.logs(worker.run_id, follow=True)
    assert next(lines).text == "epoch 1/2"
    _append(file, " 2/2 \udcff\ncut")
    assert next(lines).text == "epoch 2/2 �"
    worker.kill()
    assert [line.text for line in lines] == ["cut"]


def _append(file: Path, text: str) -> None:
    with file.open("ab") as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))
