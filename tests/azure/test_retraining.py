"""Retraining by itself: published, called, and started by a schedule, on an emulated workspace that really runs it."""

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

PARAMS = json.dumps(
    {
        "preprocessing": {"image_size": 44},
        "training": {"backbone": "cnn", "epochs": 1, "batch_size": 8},
        "evaluation": {"bootstrap_samples": 100},
    }
)
Command = Callable[..., Outcome]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    make_photos(folder, per_class=14)
    return folder


@pytest.fixture(scope="module")
def published(workspace_command: Command) -> dict[str, Any]:
    done = workspace_command("pipelines", "publish", "--version", "1.0", "--params", PARAMS)
    assert done.code == 0, done.stderr + done.stdout
    return done.document


@pytest.fixture(scope="module")
def retrained(workspace_command: Command, published: dict[str, Any], photos: Path) -> dict[str, Any]:
    done = workspace_command("pipelines", "trigger", "--data-folder", photos)
    assert done.code == 0, done.stderr + done.stdout
    return done.document


def test_what_is_published_has_an_address_and_a_version(published):
    assert (published["name"], published["active"]) == ("flowers-retrain", "1.0")
    assert published["url"].startswith("https://")


def test_one_call_with_photos_makes_a_champion(retrained, workspace_command, subject):
    assert retrained["champion"] is True
    assert [step["name"] for step in retrained["steps"]] == ["intake", "preprocess", "train", "evaluate", "register"]
    model = workspace_command("models", "show", subject).document
    tags = model["tags"]
    assert (tags["dataset_id"], tags["processed_id"]) == (f"{subject}:1", f"{subject}_processed:1")
    assert tags["run_id"] == retrained["run_id"]


def test_its_model_is_that_of_the_build_that_published_it(retrained, workspace_command, subject):
    tags = workspace_command("models", "show", subject).document["tags"]
    assert tags["build_kind"] == "laptop"
    assert "@" in tags["BuildId"]


def test_a_schedule_retrains_from_the_folder_for_new_photos(
    retrained, azure: Emulator, workspace_command, photos, subject
):
    refused = workspace_command("pipelines", "schedule", "--cron", "0 3 * * 1")
    assert refused.code == 3
    assert "no files in" in refused.document["error"]["message"]

    from azure_emulator import schedules

    for photo in photos.rglob("*.jpg"):
        address = f"azureml://datastores/workspaceblobstore/paths/photos/{photo.relative_to(photos).as_posix()}"
        azure.cloud.blobs.write(azure.cloud.blobs.place(address), photo.read_bytes())
    made = workspace_command("pipelines", "schedule", "--cron", "0 3 * * 1", "--params", PARAMS)
    assert made.code == 0, made.stderr + made.stdout
    run = azure.wait(schedules.trigger(azure.cloud, made.document["name"]), 240)
    assert run.status == "Completed", run.error
    # The photos are those of version 1, and stay it; the model is compared with the champion.
    items = workspace_command("data", "list").document["items"]
    mine = {(item["name"], item["version"]) for item in items if item["name"].startswith(subject)}
    assert mine == {(subject, 1), (f"{subject}_processed", 1)}
    models = [item for item in workspace_command("models", "list").document["items"] if item["name"] == subject]
    assert [(model["version"], model["dataset"]) for model in models] == [(2, f"{subject}:1"), (1, f"{subject}:1")]
    assert workspace_command("models", "show", f"{subject}:2").document["tags"]["run_id"] == run.identifier


def test_a_schedule_is_listed_and_taken_away(workspace_command, retrained, subject):
    assert workspace_command("pipelines", "schedule", "--cron", "0 4 * * *", "--data", f"azureml:{subject}:1").code == 0
    assert workspace_command("train", "--schedule", "0 5 * * *", "--epochs", "2").code == 0
    items = workspace_command("pipelines", "list").document["items"]
    assert [(item["cron"], item["enabled"]) for item in items if item["kind"] == "schedule"] == [("0 5 * * *", True)]
    assert workspace_command("pipelines", "unschedule").code == 0
    items = workspace_command("pipelines", "list").document["items"]
    assert {item["kind"] for item in items} == {"pipeline"}
    gone = workspace_command("pipelines", "unschedule")
    assert (gone.code, gone.document["error"]["code"]) == (3, "bad_input")


@pytest.mark.parametrize(
    "arguments",
    [
        ("publish",),
        ("publish", "--dry-run"),
        ("list",),
        ("trigger", "--data-folder", "x"),
        ("schedule", "--cron", "0 3 * * 1"),
        ("unschedule",),
        ("unschedule", "--dry-run"),
    ],
)
def test_on_this_machine_there_are_no_pipelines(tmp_path, arguments):
    done = flowerops("pipelines", *arguments, "--json", cwd=tmp_path)
    assert (done.code, done.document["error"]["code"]) == (2, "usage")
    assert "--target azureml" in done.document["error"]["hint"]


@pytest.mark.parametrize("command", ["train", "run"])
def test_a_schedule_needs_a_workspace_and_photos_that_stay(tmp_path, command):
    done = flowerops(command, "--schedule", "0 3 * * 1", "--json", cwd=tmp_path)
    assert (done.code, done.document["error"]["hint"]) == (2, "Add --target azureml.")
    done = flowerops(command, "--schedule", "0 3 * * 1", "--data-folder", tmp_path, "--json", cwd=tmp_path)
    assert done.code == 2
    assert "cannot read --data-folder later" in done.document["error"]["message"]
