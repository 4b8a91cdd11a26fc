"""Torture cases 3, 4, 5 and 8 of a training: it goes on from checkpoints, but only from its own and whole ones."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers.command import Outcome, clean_environment, command_line, flowerops
from helpers.trained_home import copy_place
from torture.harness import leftovers

PARAMS = '{"training": {"backbone": "cnn", "epochs": 25, "patience": 25}}'
TRAIN = ("train", "--params", PARAMS, "--json")
CHECKPOINTS = ".flowerops/cache/checkpoints"


def checkpoints(place: Path) -> list[Path]:
    return sorted((place / CHECKPOINTS).glob("*/epoch-*"))


@contextlib.contextmanager
def training(place: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, in its third epoch or a later one."""
    with subprocess.Popen(
        command_line(*TRAIN),
        cwd=place,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            assert any(line.startswith("epoch 3/") for line in iter(process.stderr.readline, ""))
            yield process
        finally:  # a step that is suspended would keep its parent, which waits for it, alive
            for one in [*psutil.Process(process.pid).children(), process] if process.poll() is None else []:
                one.kill()


def step_of(process: subprocess.Popen[str]) -> psutil.Process:
    (step,) = psutil.Process(process.pid).children()
    return step


def suspend_between_writes(step: psutil.Process, place: Path) -> None:
    """Suspended in the middle of a write, the step would keep every other command from the ledger of runs."""
    while True:
        step.suspend()
        while step.status() != psutil.STATUS_STOPPED:
            time.sleep(0.05)
        time.sleep(0.2)  # its other threads stop a moment later
        with contextlib.closing(sqlite3.connect(place / ".flowerops/mlflow.db", timeout=0)) as ledger:
            try:
                ledger.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                step.resume()


def killed(place: Path, number: signal.Signals) -> tuple[int, dict[str, Any]]:
    """SIGTERM reaches the command, SIGKILL the node that its step is on. Gives the exit code and what it said."""
    before = set((place / ".flowerops/runs").glob("*/train-*"))
    with training(place) as process:
        (process if number is signal.SIGTERM else step_of(process)).send_signal(number)
        said = json.loads(process.communicate(timeout=60)[0])
    assert checkpoints(place)
    assert set((place / ".flowerops/runs").glob("*/train-*")) == before
    return process.returncode, said


def result(outcome: Outcome, place: Path) -> tuple[Any, Any]:
    """The metrics and the learning curves of a training."""
    document = outcome.document
    (file,) = (place / ".flowerops/runs" / document["run_id"]).glob("train-*/history.json")
    return document["metrics"], json.loads(file.read_text())


@pytest.fixture(scope="module")
def killed_place(trained_place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`photos/` and a home in which a training was killed."""
    place = tmp_path_factory.mktemp("killed") / "place"
    shutil.copytree(trained_place, place)
    code, _ = killed(place, signal.SIGTERM)
    assert code == 143
    return place


def step(place: Path, out: Path, folder: Path, *options: str, params: str = "{}") -> Outcome:
    (data,) = (place / ".flowerops/datasets/flowers_processed").iterdir()
    given = ("--data", data, "--checkpoints", folder, "--params", params, "--json")
    return flowerops("step", "train", "--out", out, *given, *options, cwd=place)


@pytest.mark.slow
def test_case_5_a_training_that_was_ended_or_killed_goes_on_with_the_same_command(trained: Path) -> None:
    expected = result(flowerops(*TRAIN, cwd=trained), trained)
    assert checkpoints(trained) == []
    for number, code in ((signal.SIGTERM, 143), (signal.SIGKILL, 7)):
        returned, said = killed(trained, number)
        assert returned == code, said
        assert said["error"]["code"] == ("terminated" if number is signal.SIGTERM else "remote_failed")
        if number is signal.SIGTERM:
            assert leftovers(trained / ".flowerops") == []
            assert int(checkpoints(trained)[-1].name[6:]) >= 2  # it came before the third was kept, or after
        again = flowerops(*TRAIN, cwd=trained)
        assert again.code == 0, again
        assert re.search(r"resuming at epoch \d+", again.stderr), again.stderr
        assert result(again, trained) == expected
        assert again.document["resumed"]["run"] != again.document["run_id"]
        assert checkpoints(trained) == []
    assert list((trained / CHECKPOINTS).iterdir()) == []
    assert flowerops("verify", cwd=trained).code == 0


def test_case_3_changed_settings_are_refused_and_both_ways_out_work(killed_place: Path, tmp_path: Path) -> None:
    (folder,) = (killed_place / CHECKPOINTS).iterdir()
    shutil.copytree(folder, tmp_path / "there")
    run = json.loads((checkpoints(killed_place)[-1] / "checkpoint.json").read_text())["run"]
    other = '{"backbone": "cnn", "epochs": 1, "patience": 25}'
    outcome = step(killed_place, tmp_path / "one", tmp_path / "there", params=other)
    assert outcome.code == 3, outcome
    error = outcome.document["error"]
    assert f"belong to run {run}, whose params.epochs is 25 and not 1" in error["message"]
    assert "--fresh" in error["hint"] and str(tmp_path / "there") in error["hint"]
    assert "Traceback" not in outcome.stderr
    fresh = step(killed_place, tmp_path / "two", tmp_path / "there", "--fresh", params=other)
    assert (fresh.code, fresh.document["resumed"]) == (0, None), fresh


@pytest.mark.slow
def test_case_3_the_train_command_refuses_them_too_until_it_is_to_begin_anew(
    killed_place: Path, tmp_path: Path
) -> None:
    place = copy_place(killed_place, tmp_path / "place")
    run = json.loads((checkpoints(place)[-1] / "checkpoint.json").read_text())["run"]
    other = ("train", "--backbone", "cnn", "--epochs", "1", "--seed", "7", "--json")
    refused = flowerops(*other, cwd=place)
    assert refused.code == 3, refused
    error = refused.document["error"]
    assert f"run {run} on this data was interrupted after epoch" in error["message"]
    assert "its params.epochs is 25 and not 1" in error["message"]
    assert "its params.seed is 42 and not 7" in error["message"]
    assert "--fresh" in error["hint"]
    assert checkpoints(place), "nothing was lost"
    anew = flowerops(*other, "--fresh", cwd=place)
    assert (anew.code, anew.document["resumed"]) == (0, None), anew
    assert checkpoints(place) == []


@pytest.mark.parametrize("damaged", [pytest.param("the newest", marks=pytest.mark.slow), "all"])
def test_case_4_damaged_checkpoints(killed_place: Path, tmp_path: Path, damaged: str) -> None:
    (folder,) = (killed_place / CHECKPOINTS).iterdir()
    there = tmp_path / "there"
    shutil.copytree(folder, there)
    found = sorted(there.glob("epoch-*"))
    assert len(found) == 2
    for path in found if damaged == "all" else found[1:]:
        (path / "state.npz").write_bytes(b"PK" + (path / "state.npz").read_bytes()[2:-9])
    params = json.dumps(json.loads(PARAMS)["training"])
    outcome = step(killed_place, tmp_path / "out", there, params=params)
    assert f"warning: the checkpoint {found[1].name} is damaged and not used: state.npz is altered" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    if damaged == "all":
        assert outcome.code == 5, outcome
        assert str(there) in outcome.document["error"]["hint"]
    else:
        assert outcome.code == 0, outcome
        assert f"resuming at epoch {int(found[0].name[6:]) + 1}" in outcome.stderr


@pytest.mark.slow
def test_case_8_a_second_training_of_the_same_meets_the_first(trained: Path) -> None:
    with training(trained) as first:
        holder = step_of(first)
        suspend_between_writes(holder, trained)
        outcome = flowerops(*TRAIN, cwd=trained)
        assert outcome.code == 6, outcome
        error = outcome.document["error"]
        assert re.search(rf"locked by process {holder.pid} on \S+ since \d{{4}}-\d\d-\d\dT", error["message"])
        holder.resume()
        assert json.loads(first.communicate(timeout=120)[0])["ok"]
        assert first.returncode == 0
