"""A node that is taken away: the job starts again on another one, and the training goes on from its checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.command import Outcome, flowerops
from helpers.photos import make_photos

if TYPE_CHECKING:
    from azure_emulator import Emulator

PREPROCESSING = ("--image-size", "44")
TRAINING = ("--params", json.dumps({"training": {"backbone": "cnn", "epochs": 40, "patience": 40, "batch_size": 8}}))


def log_of_train(azure: Emulator, run_id: str) -> str:
    from azure_emulator.blobs import ARTIFACTS, Place

    step = azure.steps(run_id)["train"].identifier
    return azure.cloud.blobs.read(Place(ARTIFACTS, f"ExperimentRun/dcid.{step}/user_logs/std_log.txt")).decode()


def test_a_preempted_training_goes_on_and_ends_like_one_that_was_left_alone(
    azure: Emulator, workspace_command: Callable[..., Outcome], tmp_path: Path
) -> None:
    from azure_emulator import JobFault

    make_photos(tmp_path / "photos", per_class=14)
    prepared = workspace_command("preprocess", "--data-folder", tmp_path / "photos", *PREPROCESSING)
    assert prepared.code == 0, prepared
    azure.switch_on(JobFault(step="train", kind="preempt", when=r"epoch 3/40"))
    try:
        trained = workspace_command("train", *TRAINING)
    finally:
        azure.switch_off()
    assert trained.code == 0, trained
    run_id = trained.document["run_id"]
    log = log_of_train(azure, run_id)
    assert "resuming at epoch" in log, log
    assert trained.document["resumed"]["run"] == run_id
    assert 1 <= trained.document["resumed"]["epochs"] < 40

    home = tmp_path / "here"
    home.mkdir()
    assert flowerops("preprocess", "--data-folder", tmp_path / "photos", *PREPROCESSING, cwd=home).code == 0
    alone = flowerops("train", *TRAINING, "--json", cwd=home)
    assert alone.code == 0, alone
    assert alone.document["resumed"] is None
    assert trained.document["metrics"] == alone.document["metrics"]
