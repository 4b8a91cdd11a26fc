"""What goes wrong goes wrong in the same way on every target: the same kind of error, and nothing half is listed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowerops.domain.params import TrainParams
from flowerops.errors import BadInputError, FlowerOpsError, RemoteError
from flowerops.services import runs as runs_service
from flowerops.services.pipeline import begin
from flowerops.services.train import train
from helpers.both_targets import Place
from helpers.command import clean_environment, command_line
from helpers.photos import make_photos

NUMBERED_FIRST = {"azureml"}
"""Where a raw version has its number before the preprocess step: the job names it, and the studio shows it."""
TINY = TrainParams(backbone="cnn", epochs=1)
ENDLESS = (*("--backbone", "cnn"), *("--epochs", "10000"), *("--params", '{"training": {"patience": 10000}}'))


def test_too_many_unusable_photos_fail_alike_and_nothing_is_numbered(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", per_class=10, seed=11)
    for number in range(8):
        (tmp_path / f"photos/roses/bad{number}.jpg").write_bytes(b"no image %d" % number)
    dataset = place.fresh("spoilt")
    with pytest.raises(BadInputError, match=r"8 of 28 .* cannot be used") as caught:
        place.prepare(tmp_path / "photos", dataset)
    assert caught.value.exit_code == 3
    assert "--max-bad" in str(caught.value.hint)
    assert place.target.datasets.all(f"{dataset}_processed") == []
    assert len(place.target.datasets.all(dataset)) == (1 if place.name in NUMBERED_FIRST else 0)
    failed = place.target.runs.all(1, f"{dataset}-preprocessing")
    assert [run.status for run in failed] == ["FAILED"]
    with pytest.raises(FlowerOpsError) as waited:
        runs_service.wait_for(place.target, failed[0].id, place.told)
    assert waited.value.exit_code != 1


def test_a_class_without_photos_is_refused_before_anything_runs(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", per_class=4)
    (tmp_path / "photos/tulips").mkdir()
    dataset = place.fresh("empty")
    with pytest.raises(BadInputError, match="tulips"):
        place.prepare(tmp_path / "photos", dataset)
    assert place.target.runs.all(5, f"{dataset}-preprocessing") == []


def test_a_step_that_cannot_work_with_its_data_fails_alike(place: Place, tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", per_class=5, seed=12)
    processed = place.prepare(tmp_path / "photos", place.fresh("tiny"), image_size=16)
    experiment = place.fresh("too-small")
    with (
        pytest.raises(BadInputError, match="cnn needs images of at least 43 pixels, not 16") as caught,
        begin(place.target, place.caller, experiment, "train") as pipeline,
    ):
        train(pipeline, processed, TINY)
    assert caught.value.exit_code == 3
    (run,) = place.target.runs.all(5, experiment)
    assert (run.status, [(step.name, step.status) for step in run.steps]) == ("FAILED", [("train", "FAILED")])
    assert place.target.runs.output(run, "train") is None


@pytest.fixture
def endless(place: Place, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command whose training goes on and on, and its experiment."""
    experiment, dataset = place.fresh("endless"), place.fresh("flowers")
    make_photos(tmp_path / "photos", per_class=8, seed=13)
    place.prepare(tmp_path / "photos", dataset)
    where = ("--target", place.name, "--home", place.home, "--json")
    with subprocess.Popen(
        command_line("train", "--dataset", dataset, *ENDLESS, *where),
        cwd=place.home.parent,
        env=clean_environment(**place.variables, FLOWEROPS_EXPERIMENT=experiment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process, experiment
        finally:
            process.kill()


def test_a_run_that_goes_on_can_be_cancelled(place: Place, endless: tuple[subprocess.Popen[str], str]) -> None:
    (process, experiment), runs = endless, place.target.runs
    assert process.stderr is not None
    assert any("epoch 1/" in line for line in iter(process.stderr.readline, ""))
    (run,) = runs.all(5, experiment)
    assert run.status == "RUNNING"
    cancelled, was_going_on = runs_service.cancel(place.target, run.id)
    assert was_going_on
    assert cancelled.status in ("KILLED", "RUNNING")
    process.communicate(timeout=60)
    assert process.returncode in (7, 143)
    assert runs.find(run.id).status == "KILLED"
    with pytest.raises(RemoteError, match="was cancelled"):
        runs.wait(run.id, place.told)
