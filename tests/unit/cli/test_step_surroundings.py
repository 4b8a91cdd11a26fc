"""What a step finds out by itself when nobody told it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowerops.cli.step.lookups import sub_folders
from flowerops.cli.step.surroundings import context_of, job_target
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import RunRef, VersionRef
from flowerops.domain.dataset import Provenance
from flowerops.domain.progress import SilentProgress
from flowerops.domain.steps import StepContext
from flowerops.errors import UsageError
from flowerops.steps.intake import IntakeInput, intake
from helpers.command import flowerops
from helpers.photos import make_photos

JOB = {
    "AZUREML_RUN_ID": "step-1",
    "AZUREML_ROOT_RUN_ID": "run-1",
    "AZUREML_ARM_PROJECT_NAME": "flower-training",
}


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for name in (*JOB, "BUILD_BUILDID", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def in_job(monkeypatch):
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("raw")
    make_photos(root / "photos", per_class=12)
    (root / "raw").mkdir()
    made = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())
    intake(IntakeInput(root / "photos", "flowers", None, None, made), root / "raw", SilentProgress())
    return root / "raw"


@pytest.mark.parametrize("text", ["", "{}"])
def test_in_a_job_the_run_and_the_build_are_those_of_the_job(in_job, text):
    context = context_of(text)
    assert context.run == RunRef(id="run-1", experiment="flower-training", step_id="step-1")
    assert context.build == BuildInfo(kind="azureml", id="run-1")


def test_what_was_told_stays(in_job):
    build = BuildInfo(kind="github", id="7", uri="https://x/7")
    told = StepContext(run=RunRef(id="first-job", experiment="e"), build=build, code=CodeInfo(commit="c" * 40))
    context = context_of(told.model_dump_json())
    assert context.run == RunRef(id="first-job", experiment="e", step_id="step-1")
    assert (context.build, context.code) == (told.build, told.code)


def test_outside_of_a_job_there_is_no_run_and_the_build_is_this_machine():
    context = context_of("")
    assert context.run is None
    assert context.build.kind == "laptop"


def test_versions_are_read_from_the_folders_unless_they_were_told(raw):
    found = context_of("{}", raw=raw).raw
    assert found is not None
    assert (found.name, found.version, len(found.digest)) == ("flowers", None, 64)
    told = json.dumps({"raw": VersionRef(name="flowers", version=3, digest="d" * 64).model_dump()})
    assert context_of(told, raw=raw).raw == VersionRef(name="flowers", version=3, digest="d" * 64)


@pytest.mark.parametrize("text", ["nonsense", "[]"])
def test_a_context_that_is_none_is_a_usage_error(text):
    with pytest.raises(UsageError, match="--context"):
        context_of(text)


def test_nothing_is_looked_up_outside_of_a_job():
    with pytest.raises(UsageError, match="it runs in none"):
        job_target()


def test_earlier_versions_by_the_names_of_their_folders(tmp_path):
    assert sub_folders(tmp_path, "b,a") == [tmp_path / "b", tmp_path / "a"]
    assert sub_folders(tmp_path, None) == sub_folders(None, None) == []
    with pytest.raises(UsageError):
        sub_folders(tmp_path, "../secret")
    with pytest.raises(UsageError):
        sub_folders(None, "a")


def test_preprocess_needs_no_recipe_and_no_context_and_carries_over_by_name(raw, tmp_path):
    common = ("step", "preprocess", "--raw", raw, "--params", '{"image_size": 24}', "--json")
    first = flowerops(*common, "--out", tmp_path / "versions" / "one", cwd=tmp_path, env=JOB)
    assert first.code == 0, first.stderr
    manifest = json.loads((tmp_path / "versions" / "one" / "manifest.json").read_bytes())
    assert manifest["provenance"]["run"]["step_id"] == "step-1"
    again = flowerops(
        *common,
        *("--earlier-in", tmp_path / "versions", "--earlier-names", "one", "--out", tmp_path / "two"),
        cwd=tmp_path,
    )
    assert again.code == 0, again.stderr
    second = json.loads((tmp_path / "two" / "manifest.json").read_bytes())
    assert (second["decoded"], second["digest"]) == (0, manifest["digest"])
    assert second["recipe"] == manifest["recipe"]


def test_a_further_worker_refuses_what_the_first_one_refuses_and_leaves_its_output_alone(tmp_path):
    told = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    (tmp_path / "empty").mkdir()
    command = ("step", "train", "--data", tmp_path / "empty", "--out", tmp_path / "out", "--json")
    first, further = (flowerops(*command, cwd=tmp_path, env=env) for env in ({}, {"TF_CONFIG": json.dumps(told)}))
    assert further.code == first.code != 0
    assert further.document["error"] == first.document["error"]
    assert list((tmp_path / "out").iterdir()) == []


def test_evaluate_without_a_model_is_a_usage_error(tmp_path):
    done = flowerops("step", "evaluate", "--out", tmp_path / "out", "--json", cwd=tmp_path)
    assert done.code == 2
    assert "--trained" in done.document["error"]["hint"]
