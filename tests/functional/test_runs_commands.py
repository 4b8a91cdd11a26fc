"""flowerops runs and flowerops models promote|rollback, through the real command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.targets.local.target import LocalTarget
from helpers.command import clean_environment, command_line, flowerops
from helpers.registry import NAME, add_version
from helpers.trained_home import copy_place

ENDLESS = (
    *("train", "--backbone", "cnn", "--epochs", "10000"),
    *("--params", '{"training": {"patience": 10000}}'),
    "--json",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home in which a run was trained and evaluated; tests may add runs to it."""
    place = tmp_path_factory.mktemp("trained")
    subprocess.run(
        [sys.executable, "-m", "helpers.trained_home", str(place)],
        env=clean_environment(PYTHONPATH=str(Path(__file__).parents[1])),
        capture_output=True,
        check=True,
        timeout=240,
    )
    return place


@pytest.fixture
def training(trained: Path, tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A copy of that folder, and a `train` in it that goes on until somebody stops it."""
    place = copy_place(trained, tmp_path / "place")
    with subprocess.Popen(
        command_line(*ENDLESS),
        cwd=place,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert any(line.startswith("epoch 1/") for line in iter(process.stderr.readline, ""))
            yield place, process
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Kill the command with its step."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)


def _runs(*arguments: str, cwd: Path) -> dict:  # type: ignore[type-arg]
    outcome = flowerops("runs", *arguments, "--json", cwd=cwd)
    assert outcome.code == 0, outcome
    return outcome.document


# --- runs that ended ------------------------------------------------------------------------------------------------


def test_runs_are_listed_and_shown_with_what_they_recorded(trained: Path) -> None:
    items = _runs("list", cwd=trained)["items"]
    assert [item["run_type"] for item in items] == ["train", "preprocess"]
    assert [step["name"] for step in items[0]["steps"]] == ["train", "evaluate"]
    assert items[0]["status"] == "FINISHED"
    assert [item["id"] for item in _runs("list", "--limit", "1", cwd=trained)["items"]] == [items[0]["id"]]
    assert _runs("list", "--experiment", "nobody's", cwd=trained)["items"] == []
    shown = _runs("show", "latest", cwd=trained)
    assert shown == _runs("show", items[0]["id"], cwd=trained)
    assert shown["id"] == items[0]["id"]
    assert shown["tags"]["dataset_id"] == shown["dataset"] == "flowers:1"
    assert not any(tag.startswith("flowerops.") for tag in shown["tags"])
    train, evaluate = shown["steps"]
    assert train["params"]["backbone"] == "cnn"
    assert 0 <= train["metrics"]["val_accuracy"] <= 1
    assert 0 <= evaluate["metrics"]["test_accuracy"] <= 1
    text = flowerops("runs", "list", cwd=trained).stdout
    assert items[0]["id"] in text
    assert "finished" in text
    text = flowerops("runs", "show", "latest", cwd=trained).stdout
    assert "val_accuracy" in text


def test_logs_of_a_run_and_of_one_step(trained: Path) -> None:
    lines = _runs("logs", "latest", cwd=trained)["lines"]
    assert {line["step"] for line in lines} == {"train", "evaluate"}
    assert any(line["text"].startswith("epoch 1/1") for line in lines)
    only = _runs("logs", "latest", "--step", "train", "--follow", cwd=trained)["lines"]
    assert only == [line for line in lines if line["step"] == "train"]
    assert "train       epoch 1/1" in flowerops("runs", "logs", "latest", cwd=trained).stdout


def test_waiting_for_and_cancelling_a_run_that_ended(trained: Path) -> None:
    assert _runs("wait", "latest", cwd=trained)["status"] == "FINISHED"
    document = _runs("cancel", "latest", cwd=trained)
    assert (document["cancelled"], document["status"]) == (False, "FINISHED")


@pytest.mark.parametrize("command", ["show", "logs", "wait", "cancel"])
def test_an_unknown_run_is_bad_input_with_a_way_on(trained: Path, command: str) -> None:
    outcome = flowerops("runs", command, "nobody", "--json", cwd=trained)
    assert outcome.code == 3
    assert outcome.document["error"]["message"] == "there is no run 'nobody'"
    assert outcome.document["error"]["hint"] == "See the runs with: flowerops runs list"


def test_an_unknown_step_and_no_run_at_all(trained: Path, tmp_path: Path) -> None:
    outcome = flowerops("runs", "logs", "latest", "--step", "trian", cwd=trained)
    assert outcome.code == 3
    assert "Did you mean 'train'?" in outcome.stderr
    assert _runs("list", cwd=tmp_path)["items"] == []
    outcome = flowerops("runs", "show", "latest", cwd=tmp_path)
    assert outcome.code == 3
    assert "there is no run yet" in outcome.stderr


def test_waiting_for_a_failed_run_fails_with_the_last_lines_of_its_step(trained: Path, tmp_path: Path) -> None:
    place = copy_place(trained, tmp_path / "place")
    failed = flowerops("train", "--backbone", "ResNet999", "--json", cwd=place)
    assert failed.code != 0
    outcome = flowerops("runs", "wait", "latest", "--json", cwd=place)
    assert outcome.code == 7
    error = outcome.document["error"]
    assert (error["code"], error["step"], error["status"]) == ("remote_failed", "train", "FAILED")
    assert "ResNet999" in error["log"][-1]
    assert "ResNet999" in outcome.stderr
    assert "failed in step train" in error["message"]


# --- runs that go on ------------------------------------------------------------------------------------------------


def test_a_run_in_another_process_is_followed_and_cancelled(training: tuple[Path, subprocess.Popen[str]]) -> None:
    place, process = training
    assert _runs("list", cwd=place)["items"][0]["status"] == "RUNNING"
    assert "running in train" in flowerops("runs", "list", cwd=place).stdout
    lines = _runs("logs", "latest", "--step", "train", cwd=place)["lines"]
    assert lines[-1]["text"].startswith("epoch ")
    plan = _runs("cancel", "latest", "--dry-run", cwd=place)
    assert (plan["cancelled"], plan["status"]) == (False, "RUNNING")
    assert process.poll() is None
    with subprocess.Popen(
        command_line("runs", "wait", plan["id"], "--json"),
        cwd=place,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == "train: running\n"
        document = _runs("cancel", "latest", cwd=place)
        said = json.loads(waiting.communicate(timeout=60)[0])
    assert (document["cancelled"], document["status"], document["abandoned"]) == (True, "KILLED", False)
    assert process.wait(30) == 143
    assert (waiting.returncode, said["error"]["status"]) == (7, "KILLED")
    assert "was cancelled in step train" in said["error"]["message"]


def test_a_run_whose_command_was_killed_is_abandoned_and_cancel_closes_it(
    training: tuple[Path, subprocess.Popen[str]],
) -> None:
    place, process = training
    _end(process)
    run = _runs("show", "latest", cwd=place)
    assert (run["status"], run["abandoned"]) == ("KILLED", True)
    assert "killed (abandoned) in train" in flowerops("runs", "list", cwd=place).stdout
    outcome = flowerops("runs", "wait", "latest", cwd=place)
    assert outcome.code == 7
    assert f"was abandoned: process {process.pid} on" in outcome.stderr
    assert _runs("cancel", "latest", cwd=place)["cancelled"] is True
    run = _runs("show", "latest", cwd=place)
    assert (run["status"], run["abandoned"], run["steps"][0]["status"]) == ("KILLED", False, "KILLED")


# --- champions by hand ----------------------------------------------------------------------------------------------


def test_a_champion_is_promoted_and_rolled_back(tmp_path: Path) -> None:
    target = LocalTarget(tmp_path / ".flowerops")
    for content in ("one", "two"):
        add_version(target, content)

    def models(*arguments: str, code: int = 0) -> dict:  # type: ignore[type-arg]
        outcome = flowerops("models", *arguments, "--json", cwd=tmp_path)
        assert outcome.code == code, outcome
        return outcome.document

    def champion() -> list[int]:
        return [item["version"] for item in models("list")["items"] if item["champion"]]

    assert "needs --reason" in models("promote", f"{NAME}:1", code=2)["error"]["message"]
    assert models("promote", f"{NAME}:1", "--reason", "agreed", "--dry-run")["dry_run"] is True
    assert champion() == []
    for number in (1, 2):
        models("promote", f"{NAME}:{number}", "--reason", "agreed")
        assert champion() == [number]
    tags = models("show", NAME)["tags"]
    assert tags["forced_reason"] == "agreed"
    assert tags["forced_by"]
    assert models("rollback", NAME, "--dry-run")["model"]["version"] == 1
    assert champion() == [2]
    back = models("rollback", NAME, "--reason", "wrong on roses")
    assert (back["model"]["version"], back["before"]["version"]) == (1, 2)
    assert champion() == [1]
    assert "the only champion" in models("rollback", code=3)["error"]["message"]
    text = flowerops("models", "promote", f"{NAME}:1", "--reason", "again", cwd=tmp_path).stdout
    assert f"{NAME}:1 is the champion already" in text
