"""The whole lifecycle in a workspace through the real command line: its jobs, its killed clients, its interruptions."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.command import Outcome, clean_environment, command_line, flowerops
from helpers.inference import require_serve_environment
from helpers.photos import make_photos

if TYPE_CHECKING:
    from azure_emulator import Emulator

TINY = json.dumps({"preprocessing": {"image_size": 44}, "training": {"backbone": "cnn", "epochs": 1}})
STEPS = ["preprocess", "train", "evaluate", "register", "deploy", "smoketest"]
ENDLESS = ("--epochs", "10000", "--params", json.dumps({"training": {"backbone": "cnn", "patience": 10000}}))
BUILD = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "815", "GITHUB_SERVER_URL": "https://github.com"}
SETTINGS = {
    "FLOWEROPS_TARGET": "azureml",
    "FLOWEROPS_DATASET": "meadow",
    "FLOWEROPS_MODEL": "meadow_classifier",
    "FLOWEROPS_ENDPOINT": "meadow",
    "FLOWEROPS_EXPERIMENT": "meadow-training",
    # Two networks after an epoch on ten photos: neither is much of a champion.
    "FLOWEROPS_GATE": '{"max_recall_drop": 1.0}',
}


@dataclass
class Desk:
    """A folder of photos, and the emulated Azure."""

    folder: Path
    azure: Emulator

    @property
    def env(self) -> dict[str, str]:
        return {**self.azure.environment(), **SETTINGS}

    def run(self, *arguments: str | Path, **env: str) -> Outcome:
        return flowerops(*arguments, "--json", cwd=self.folder, env={**self.env, **env})

    def ok(self, *arguments: str | Path, **env: str) -> dict[str, Any]:
        outcome = self.run(*arguments, **env)
        assert outcome.code == 0, outcome.stdout + outcome.stderr
        assert said_by_the_sdk(outcome.stderr) == []
        return outcome.document

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command_line(*arguments, "--json"),
            cwd=self.folder,
            env=clean_environment(**self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell switches it off for what it runs in the background.
            preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - no thread of this process holds a lock that the child needs
        )

    def jobs(self) -> list[str]:
        """Every job that was ever submitted."""
        return [run.identifier for run in self.azure.cloud.state.runs.values() if run.parent is None]


def said_by_the_sdk(text: str) -> list[str]:
    """Lines that no command of ours writes."""
    noise = ("Activity", "Warning", "experimental", "Uploading", "Overriding", "\x1b")
    return [line for line in text.splitlines() if any(word in line for word in noise)]


@pytest.fixture(scope="module")
def desk(azure: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    require_serve_environment()
    folder = tmp_path_factory.mktemp("desk")
    make_photos(folder / "photos", per_class=10, seed=21)
    make_photos(folder / "new", per_class=6, seed=22)
    return Desk(folder, azure)


@pytest.fixture(scope="module")
def first(desk: Desk) -> dict[str, Any]:
    """From an empty home to an endpoint."""
    assert not (desk.folder / ".flowerops").exists()
    return desk.ok("run", "--data-folder", "photos", "--params", TINY, **BUILD)


@pytest.fixture(scope="module")
def second(desk: Desk, first: dict[str, Any]) -> dict[str, Any]:
    """Retrained with new photos beside the old ones."""
    return desk.ok("run", "--data-folder", "new", "--extend", "--params", TINY)


def test_one_command_leads_from_photos_to_a_proven_endpoint(first: dict[str, Any]) -> None:
    steps = first["steps"]
    assert list(steps) == STEPS
    assert (steps["preprocess"]["raw"]["version"], steps["preprocess"]["processed"]["version"]) == (1, 1)
    assert steps["train"]["classes"] == ["daisy", "roses"]
    assert steps["evaluate"]["decision"]["outcome"] == "first"
    assert (steps["register"]["model"]["version"], steps["register"]["champion"]) == (1, True)
    assert steps["deploy"]["url"] == "https://meadow.westeurope.inference.ml.azure.com"
    assert steps["smoketest"]["passed"] is True
    assert steps["register"]["tags"]["BuildId"] == "815"


def test_every_step_was_run_by_the_workspace(desk: Desk, first: dict[str, Any]) -> None:
    jobs = [run for run in desk.azure.cloud.state.runs.values() if run.tags.get("flowerops.run") == first["run_id"]]
    nodes = {node: step for job in jobs for node, step in desk.azure.steps(job.identifier).items()}
    assert sorted(nodes) == ["evaluate", "preprocess", "register", "train"]
    assert {step.status for step in nodes.values()} == {"Completed"}
    assert {step.target for step in nodes.values()} == {"flowerops-cpu"}
    for step in nodes.values():
        assert any(name.startswith("user_logs/") for name in step.logs)


def test_retraining_takes_the_new_photos_to_the_old_ones(second: dict[str, Any]) -> None:
    steps = second["steps"]
    assert list(steps) == STEPS
    raw = steps["preprocess"]["raw"]
    assert (raw["version"], raw["files"]) == (2, 32)
    assert (steps["preprocess"]["decoded"], steps["preprocess"]["carried_over"]) == (12, 20)
    assert steps["evaluate"]["comparison"] is not None
    assert steps["register"]["model"]["version"] == 2
    assert steps["smoketest"]["passed"] is True


def test_lineage_names_every_version_and_every_job(desk: Desk, first: dict[str, Any], second: dict[str, Any]) -> None:
    document = desk.ok("lineage", "meadow_classifier:2")
    nodes = {node["id"]: node for node in document["nodes"]}
    assert not any(node.get("missing") for node in nodes.values())
    expected = ("dataset:meadow:2", "dataset:meadow_processed:2", "experiment:meadow-training")
    assert {*expected, "model:meadow_classifier:2", f"run:{second['run_id']}"} <= nodes.keys()
    steps = {node["name"].split()[0]: node["run_id"] for node in nodes.values() if node["kind"] == "step"}
    assert sorted(steps) == ["evaluate", "preprocess", "register", "train"]
    assert {desk.azure.run(run_id).node for run_id in steps.values()} == set(steps)
    text = flowerops("lineage", "meadow_classifier:1", cwd=desk.folder, env=desk.env).stdout
    for name in ("meadow_classifier:1", "meadow:1", "meadow_processed:1", first["run_id"], "815"):
        assert name in text


def test_a_job_reproduces_a_model(desk: Desk, first: dict[str, Any]) -> None:
    registered = desk.ok("models", "list")["items"]
    document = desk.ok("reproduce", "meadow_classifier:1")
    assert document["verdict"] == "identical"
    assert (document["dataset"]["name"], document["dataset"]["version"]) == ("meadow_processed", 1)
    assert document["golden"]["images"] > 0
    assert document["test"]["max_difference"] == 0
    assert desk.azure.steps(document["run_id"]).keys() == {"train"}
    assert desk.ok("models", "list")["items"] == registered


def test_the_same_command_again_finds_everything_prepared(desk: Desk, second: dict[str, Any]) -> None:
    before = desk.jobs()
    document = desk.ok("preprocess", "--image-size", "44")
    assert (document["reused"], document["processed"]["version"]) == (True, 2)
    assert desk.jobs() == before


def test_a_version_that_is_needed_stays(desk: Desk, second: dict[str, Any]) -> None:
    outcome = desk.run("data", "rm", "meadow:1")
    assert outcome.code == 6
    assert "meadow_processed:1" in outcome.document["error"]["message"]


# --- detached, killed and interrupted commands ----------------------------------------------------------------------

TRAIN = ("train", "--params", TINY, "--seed")


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run_of(process: subprocess.Popen[str]) -> str:
    """The run that a command has submitted."""
    assert process.stderr is not None
    for line in iter(process.stderr.readline, ""):
        if line.startswith("submitted run "):
            return line.split()[2].rstrip(":")
    pytest.fail("it submitted nothing")


def test_a_command_that_does_not_wait_names_its_run(desk: Desk, second: dict[str, Any]) -> None:
    let_go = desk.ok(*TRAIN, "1", "--no-wait")
    assert (let_go["command"], let_go["status"]) == ("train", "submitted")
    assert desk.azure.run(let_go["run_id"]).status != "Completed"
    waited = desk.ok("runs", "wait", let_go["run_id"])
    assert (waited["id"], waited["status"]) == (let_go["run_id"], "FINISHED")
    assert [step["name"] for step in waited["steps"]] == ["train"]


def test_the_command_of_a_killed_client_goes_on_with_the_same_job(desk: Desk, second: dict[str, Any]) -> None:
    with desk.start(*TRAIN, "2") as killed:
        run_id = _run_of(killed)
        killed.kill()
    before = desk.jobs()
    outcome = desk.run(*TRAIN, "2")
    assert outcome.code == 0, outcome
    assert f"run {run_id} does this already; attaching to it" in outcome.stderr
    assert outcome.document["run_id"] == run_id
    assert desk.jobs() == before
    once_more = desk.ok(*TRAIN, "2")
    assert once_more["run_id"] != run_id


@pytest.fixture
def endless(desk: Desk, second: dict[str, Any]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command whose training goes on and on, and its run."""
    with desk.start("train", *ENDLESS) as process:
        try:
            run_id = _run_of(process)
            assert process.stderr is not None
            assert any("epoch 1/" in line for line in iter(process.stderr.readline, ""))
            yield process, run_id
        finally:
            process.kill()
            desk.azure.run(run_id).cancelled.set()


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_go_on(
    desk: Desk, endless: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = endless
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    document = json.loads(out)
    assert (process.returncode, document["ok"], document["error"]["code"]) == (130, False, "interrupted")
    assert f"flowerops runs wait {run_id}" in document["error"]["hint"]
    assert f"flowerops runs cancel {run_id}" in document["error"]["hint"]
    assert desk.azure.run(run_id).status == "Running"
    assert desk.ok("runs", "show", run_id)["status"] == "RUNNING"
    cancelled = desk.ok("runs", "cancel", run_id)
    assert cancelled["cancelled"] is True
    assert desk.azure.wait(run_id, 30).status == "Canceled"
    waited = desk.run("runs", "wait", run_id)
    assert waited.code == 7
    assert "was cancelled" in waited.document["error"]["message"]
    assert desk.ok("runs", "cancel", run_id)["cancelled"] is False
