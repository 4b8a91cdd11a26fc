"""The pipelines as jobs: each component really runs, and gives what the same step gives on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.command import Outcome, flowerops
from helpers.photos import make_photos

if TYPE_CHECKING:
    from azure_emulator import Emulator

PREPROCESSING = ("--image-size", "44")
TRAINING = ("--params", json.dumps({"training": {"backbone": "cnn", "epochs": 1, "batch_size": 8}}))
Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    make_photos(folder, per_class=14)
    (folder / "daisy" / "broken.jpg").write_bytes(b"\xff\xd8 no photo")
    return folder


@pytest.fixture(scope="module")
def here(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = flowerops(
        *("preprocess", "--data-folder", photos, *PREPROCESSING, "--max-bad", "10%", "--json"),
        cwd=tmp_path_factory.mktemp("here"),
    )
    assert done.code == 0, done.stderr
    return done.document


def prepared(command: Command, photos: Path, *more: str) -> dict[str, Any]:
    done = command("preprocess", "--data-folder", photos, *PREPROCESSING, "--max-bad", "10%", *more)
    assert done.code == 0, done.stderr + done.stdout
    return done.document


@pytest.fixture(scope="module")
def dataset(workspace_command: Command, photos: Path) -> dict[str, Any]:
    return prepared(workspace_command, photos)


@pytest.fixture(scope="module")
def trained(workspace_command: Command, dataset: dict[str, Any]) -> dict[str, Any]:
    done = workspace_command("train", *TRAINING, "--instances", "2")
    assert done.code == 0, done.stderr + done.stdout
    return done.document


def digests(document: dict[str, Any]) -> list[str]:
    return [document[kind]["digest"] for kind in ("raw", "processed")]


def test_a_job_prepares_the_same_version_as_this_machine(dataset, here):
    assert digests(dataset) == digests(here)
    assert [entry["path"] for entry in dataset["quarantined"]] == ["daisy/broken.jpg"]


def test_so_do_several_machines(workspace_command, photos, here, azure: Emulator):
    document = prepared(workspace_command, photos, "--dataset", "others", "--instances", "2")
    assert digests(document) == digests(here)
    assert "daisy/broken.jpg" in [entry["path"] for entry in document["quarantined"]]
    assert "decode" in {run.node for run in azure.cloud.state.runs.values()}


def test_two_workers_train_together(trained, azure: Emulator):
    assert trained["metrics"]["epochs"] == 1
    assert trained["classes"] == ["daisy", "roses"]
    run = azure.steps(trained["run_id"])["train"]
    assert run.status == "Completed", run.error
    chief, other = (azure.logs(run)[f"user_logs/std_log_process_{index}.txt"] for index in (0, 1))
    assert "worker 0 of 2" in chief and "exporting the model" in chief
    assert "worker 1 of 2" in other and "exporting the model" not in other
    assert json.loads(other[other.index("{") :])["metrics"] == trained["metrics"]


def test_a_candidate_is_evaluated_and_registered(workspace_command, trained, subject):
    evaluated = workspace_command("evaluate", "--run", trained["run_id"])
    assert evaluated.code == 0, evaluated.stderr + evaluated.stdout
    assert evaluated.document["decision"]["outcome"] == "first"
    registered = workspace_command("register", "--run", trained["run_id"])
    assert registered.code == 0, registered.stderr + registered.stdout
    assert registered.document["champion"] is True
    assert registered.document["model"]["digest"] == trained["bundle"]["digest"]
    again = workspace_command("evaluate", "--model", subject)
    assert again.code == 0, again.stderr + again.stdout
    assert again.document["metrics"]["accuracy"] == evaluated.document["metrics"]["accuracy"]
