"""What is submitted: the snapshot, the preview, and when two requests are the same."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from flowerops.domain.params import TrainParams
from flowerops.settings import Settings
from flowerops.targets.azureml.preview import preview_yaml
from flowerops.targets.azureml.requests import Wiring
from flowerops.targets.azureml.snapshot import code_snapshot
from flowerops.targets.azureml.submit import _fingerprint
from flowerops.targets.protocol import JobPreview

_CONTEXT = '{"run":{"id":"%s","experiment":"e"},"build":{"kind":"laptop","id":"%s"},"code":{"dirty":false}}'


def wiring(run: str = "a", build: str = "me", data: str = "azureml:flowers_processed:1") -> Wiring:
    return Wiring({"params": "{}", "context": _CONTEXT % (run, build)}, {"data": data})


def test_the_same_request_of_another_run_is_the_same() -> None:
    assert _fingerprint("train", "e", wiring(run="a")) == _fingerprint("train", "e", wiring(run="b"))


@pytest.mark.parametrize("other", [wiring(build="ci"), wiring(data="azureml:flowers_processed:2")])
def test_another_build_or_version_is_another_request(other: Wiring) -> None:
    assert _fingerprint("train", "e", other) != _fingerprint("train", "e", wiring())


def test_the_snapshot_is_the_package_and_nothing_else(tmp_path: Path) -> None:
    folder = code_snapshot(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["flowerops"]
    assert (folder / "flowerops" / "__main__.py").is_file()
    assert not list(folder.rglob("*.pyc"))
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 3_000_000


@pytest.mark.parametrize(
    ("pipeline", "instances", "steps"),
    [
        ("preprocess", 1, {"preprocess"}),
        ("preprocess", 2, {"decode", "preprocess"}),
        ("train", 2, {"train"}),
        ("evaluate", 1, {"evaluate"}),
        ("training", 1, {"train", "evaluate", "register"}),
    ],
)
def test_a_preview_is_a_job_that_the_sdk_can_load(pipeline: str, instances: int, steps: set[str]) -> None:
    from azure.ai.ml import load_job

    params = {"train_params": TrainParams()} if pipeline == "training" else {}
    settings = Settings(_env_file=None, DATASTORE_NAME="photos")
    shown = preview_yaml(JobPreview(pipeline, "e", "flowers:3", "flower_classifier", params), settings, instances)
    job = load_job(io.StringIO(shown))
    assert set(job.jobs) == steps
    assert "azureml://datastores/photos/paths/flowerops/" in shown
