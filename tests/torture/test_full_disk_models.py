"""Torture case 6, from training to the endpoint: on a full disk each command ends with 9, and completes later."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from helpers.trained_home import SIZE, copy_place
from torture.small_disk import SmallDisk, small_disk

TINY = f'{{"preprocessing": {{"image_size": {SIZE}}}, "training": {{"backbone": "cnn", "epochs": 1}}}}'
IN_THE_BUNDLE = 1_000_000
"""Bytes that are enough for the ledger, but not for the model (3.4 MB)."""


@pytest.fixture(scope="module")
def disk(trained_place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    """A small disk with a trained home; the tests go on from one another, as the commands do."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "disk").mkdir()
    with small_disk(folder / "disk", 32) as disk:
        shutil.copytree(copy_place(trained_place, folder / "copy", known_as=disk.place), disk.seen, dirs_exist_ok=True)
        yield disk
        disk.free_up()
        disk.run("deployments", "stop", "flowers")


def verified(disk: SmallDisk) -> dict[str, int]:
    """How many dataset versions and models there are; each of them is as it was written."""
    document = disk.run("verify", "--json").document
    assert document["problems"] == []
    return {"datasets": len(document["versions"]), "models": len(document["models"])}


def servers(disk: SmallDisk) -> list[int]:
    """Scoring servers and fronts that run from this disk."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if "flowerops.serving" in line and str(disk.place) in line:
            found.append(process.pid)
    return found


@pytest.mark.slow
def test_train_and_evaluate_leave_the_run_before_as_the_latest(disk: SmallDisk) -> None:
    (latest,) = (folder.parent.name for folder in disk.seen.glob(".flowerops/runs/*/train-*"))
    disk.refused("train", "--params", TINY, free=0)
    disk.refused("evaluate", free=80_000)
    assert disk.run("evaluate", "--json").document["run_id"] == latest


def test_register_lists_nothing_until_there_is_room(disk: SmallDisk) -> None:
    disk.refused("register", free=IN_THE_BUNDLE)
    document = disk.run("register", "--json").document
    assert (document["model"]["version"], document["existed"], document["champion"]) == (1, False, True)
    assert verified(disk) == {"datasets": 2, "models": 1}


def test_a_deploy_without_room_leaves_no_server_behind(disk: SmallDisk) -> None:
    disk.refused("deploy", free=0)
    assert servers(disk) == []
    assert disk.run("deploy", "--json").document["model"]["version"] == 1
    serving = servers(disk)
    disk.refused("deploy", free=0)
    assert servers(disk) == serving


@pytest.mark.slow
def test_run_completes_once_there_is_room(disk: SmallDisk) -> None:
    arguments = ("run", "--data-folder", "photos", "--params", TINY)
    before = verified(disk)
    disk.refused(*arguments, free=IN_THE_BUNDLE)  # in its training
    steps = disk.run(*arguments, "--json").document["steps"]
    assert steps["preprocess"]["reused"] is True
    assert steps["smoketest"]["passed"] is True
    assert verified(disk) == {"datasets": 2, "models": before["models"] + 1}
