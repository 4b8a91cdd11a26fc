"""The pipelines' YAML, and the jobs that orders make of them. No workspace is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowerops.targets.azureml.client import quieten
from flowerops.targets.azureml.orders import JobOrder, OutputPlace
from flowerops.targets.azureml.pipeline_files import COMPONENTS, component_file, pipeline_file
from flowerops.targets.azureml.pipelines import build_job, job_spec, job_yaml

PIPELINES = ("data-processing", "data-processing-parallel", "train", "evaluate", "training", "retrain", "score")
GOLDEN = Path(__file__).parents[1] / "golden" / "training-on-two-gpu-workers.json"
REGENERATE = f"{Path(sys.executable).name} {Path(__file__).relative_to(Path(__file__).parents[4])}"
ROOT = "azureml://datastores/workspaceblobstore/paths/flowerops"


def order(pipeline: str, code: Path, **more: Any) -> JobOrder:
    known: dict[str, Any] = {
        "name": "run-1",
        "experiment": "flower-training",
        "display_name": "run-1",
        "compute": "gpu-cluster",
        "environment": "azureml:flowerops-train-gpu:3f2a",
        "code": code,
        "tags": {"BuildId": "17"},
    }
    return JobOrder(pipeline, **{**known, **more})


def training_order(code: Path) -> JobOrder:
    places = {"trained": "runs/run-1/train", "evaluated": "runs/run-1/evaluate", "registered": "runs/run-1/register"}
    return order(
        "training",
        code,
        inputs={
            "train_params": '{"backbone":"efficientnet_lite0","epochs":20}',
            "evaluate_params": '{"seed":7}',
            "register_params": '{"name":"flower_classifier"}',
            "policy": '{"min_accuracy":0.8}',
            "context": '{"build":{"kind":"given","id":"it\\u0027s 17"}}',
        },
        folders={
            "data": "azureml:flowers_processed:2",
            "raw": "azureml:flowers:2",
            "champion": "azureml:flower_classifier:4",
        },
        outputs={
            **{name: OutputPlace(f"{ROOT}/{path}") for name, path in places.items()},
            "cache": OutputPlace(f"{ROOT}/cache"),
            "checkpoints": OutputPlace(f"{ROOT}/runs/run-1/checkpoints"),
        },
        instances=2,
        shm_size="8g",
        timeout_minutes=90,
        model_folders=frozenset({"champion"}),
    )


def body(job: Any) -> dict[str, Any]:
    """What would be sent for a job, with each step's component in full instead of the id that the service gives it."""
    sent: dict[str, Any] = job._to_rest_object().as_dict()
    for step in sent["properties"]["jobs"].values():
        spec = step.pop("componentId")._to_rest_object().as_dict()["properties"]["componentSpec"]
        # What the SDK chooses for components without a name says nothing of ours.
        step["component"] = {key: value for key, value in spec.items() if key not in {"name", "version", "_source"}}
        task = step["component"].get("task", step["component"])
        task["code"] = "CODE"
    return sent


# --- the files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PIPELINES)
def test_the_sdk_takes_every_pipeline(name):
    quieten()
    from azure.ai.ml import load_job

    checked = load_job(pipeline_file(name))._validate()
    assert checked.passed, checked.error_messages


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_sdk_takes_every_component(name):
    quieten()
    from azure.ai.ml import load_component

    component = load_component(component_file(name))
    assert component._validate().passed
    assert component.is_deterministic is False


def test_there_are_no_other_files():
    folder = pipeline_file("train").parent
    assert {path.stem for path in folder.glob("*.yml")} == set(PIPELINES)
    assert {path.stem for path in (folder / "components").glob("*.yml")} == set(COMPONENTS)


@pytest.mark.parametrize("name", [name for name in COMPONENTS if name not in ("decode", "score")])
def test_the_step_knows_every_option_that_its_component_uses(name):
    from typer.main import get_command

    from flowerops.cli.step import app

    spec = yaml.safe_load(component_file(name).read_text())
    words = spec["command"].replace("$[[", " ").replace("]]", " ").split()
    assert words[:5] == ["python", "-m", "flowerops", "step", name]
    used = {word for word in words if word.startswith("--")}
    known = {option for parameter in get_command(app).commands[name].params for option in parameter.opts}
    assert used <= known
    # Every input is used: optional ones so that the service can leave them out, literals in quotes.
    for port, declared in spec["inputs"].items():
        assert ("${{inputs." + port + "}}") in spec["command"]
        assert (f"${{{{inputs.{port}}}}}]]" in spec["command"] or f"${{{{inputs.{port}}}}}']]" in spec["command"]) == (
            declared.get("optional", False)
        )
        assert (f"'${{{{inputs.{port}}}}}'" in spec["command"]) == (declared["type"] == "string")


# --- orders ---------------------------------------------------------------------------------------------------------


def test_a_training_on_two_gpu_workers_is_the_golden_one(tmp_path):
    """After a change that is meant, write it anew with the line in REGENERATE and read the difference."""
    made = json.loads(json.dumps(body(build_job(training_order(tmp_path)))))
    assert made == json.loads(GOLDEN.read_bytes()), f"if that is meant: {REGENERATE}"


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("data-processing", {"raw": "azureml:flowers:1"}),
        ("data-processing-parallel", {"raw": "azureml:flowers:1"}),
        ("train", {"data": "azureml:flowers_processed:1"}),
        ("evaluate", {"trained": f"{ROOT}/runs/run-1/train", "data": "azureml:flowers_processed:1"}),
        ("training", {"data": "azureml:flowers_processed:1"}),
        ("retrain", {"photos": f"{ROOT}/photos"}),
        ("score", {"photos": f"{ROOT}/inputs/1", "model": "azureml:flower_classifier:1"}),
    ],
)
def test_every_pipeline_can_be_ordered(name, folders, tmp_path):
    job = build_job(order(name, tmp_path, folders=folders))
    assert job._validate().passed
    assert job.name == "run-1"
    assert job.experiment_name == "flower-training"
    assert job.settings.default_compute == "gpu-cluster"
    assert job.settings.force_rerun is True
    for node in job.jobs.values():
        component = node.component
        environment = getattr(component, "environment", None) or component.task.environment
        assert str(environment).endswith("flowerops-train-gpu:3f2a")
    steps = job._to_rest_object().as_dict()["properties"]["jobs"]
    assert {step["tags"]["flowerops.step"] for step in steps.values()} == set(steps)
    assert all(step["tags"]["BuildId"] == "17" for step in steps.values())


def test_the_job_for_serverless_compute(tmp_path):
    job = build_job(order("train", tmp_path, compute="serverless", folders={"data": "azureml:flowers_processed:1"}))
    assert job.settings.default_compute == "serverless"


def test_optional_inputs_are_tied_to_the_steps_that_know_them(tmp_path):
    given = order(
        "data-processing",
        tmp_path,
        inputs={"recipe": "r", "earlier_names": "b,a"},
        folders={"raw": "azureml:flowers:1", "earlier": f"{ROOT}/datasets/flowers_processed"},
    )
    inputs = job_spec(given)["jobs"]["preprocess"]["inputs"]
    assert {"recipe", "earlier_names", "earlier", "raw", "params", "context"} == set(inputs)
    without = job_spec(replace(given, inputs={}, folders={"raw": "azureml:flowers:1"}))
    assert set(without["jobs"]["preprocess"]["inputs"]) == {"raw", "params", "context"}


def test_a_registered_model_is_evaluated_as_a_model_and_a_candidate_as_a_folder(tmp_path):
    data = {"data": "azureml:flowers_processed:1"}
    model = job_spec(order("evaluate", tmp_path, folders={**data, "model": "azureml:flower_classifier:1"}))
    assert model["inputs"]["model"]["type"] == "custom_model"
    assert "trained" not in model["jobs"]["evaluate"]["inputs"]
    candidate = job_spec(order("evaluate", tmp_path, folders={**data, "trained": f"{ROOT}/runs/run-1/train"}))
    assert candidate["inputs"]["trained"]["type"] == "uri_folder"
    assert not {"model"} & (set(candidate["inputs"]) | set(candidate["jobs"]["evaluate"]["inputs"]))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"folders": {}}, "lacks its input data"),
        ({"folders": {"data": "azureml:x:1"}, "inputs": {"nonsense": "1"}}, "has no input nonsense"),
        ({"folders": {"data": "azureml:x:1"}, "outputs": {"nonsense": OutputPlace("x")}}, "has no output nonsense"),
    ],
)
def test_an_order_that_does_not_fit_is_refused(more, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        build_job(order("train", tmp_path, **more))


def test_an_output_becomes_the_asset_that_the_order_names_or_none(tmp_path):
    place = OutputPlace(f"{ROOT}/datasets/tulips_processed/run-1", "tulips_processed")
    given = order("data-processing", tmp_path, folders={"raw": "azureml:tulips:1"}, outputs={"processed": place})
    assert job_spec(given)["outputs"]["processed"] == {
        "type": "uri_folder",
        "mode": "upload",
        "path": place.uri,
        "name": "tulips_processed",
    }
    plain = job_spec(replace(given, outputs={"processed": OutputPlace(place.uri)}))
    assert "name" not in plain["outputs"]["processed"]


def test_machines_memory_and_time_go_to_the_steps_that_can_use_them(tmp_path):
    given = training_order(tmp_path)
    jobs = job_spec(given)["jobs"]
    assert jobs["train"]["resources"] == {"instance_count": 2, "shm_size": "8g"}
    assert jobs["train"]["distribution"] == {"type": "tensorflow", "worker_count": 2}
    assert jobs["evaluate"]["resources"] == {"shm_size": "8g"}
    assert "distribution" not in jobs["evaluate"]
    assert {job["limits"]["timeout"] for job in jobs.values()} == {5400}
    alone = job_spec(replace(given, instances=1))["jobs"]["train"]
    assert alone["resources"] == {"shm_size": "8g"}
    assert "distribution" not in alone


def test_photos_are_decoded_on_as_many_machines_as_ordered_and_as_the_parameters_say(tmp_path):
    given = order(
        "data-processing-parallel",
        tmp_path,
        folders={"raw": "azureml:flowers:1"},
        inputs={"params": '{"image_size":44,"fit":"crop"}'},
        instances=3,
    )
    spec = job_spec(given)
    assert spec["jobs"]["decode"]["resources"] == {"instance_count": 3}
    assert (spec["inputs"]["image_size"], spec["inputs"]["fit"]) == ("44", "crop")
    assert "instance_count" not in spec["jobs"]["preprocess"].get("resources", {})


def test_a_job_can_be_shown_as_yaml_without_a_workspace(tmp_path):
    shown = yaml.safe_load(job_yaml(build_job(training_order(tmp_path))))
    assert shown["type"] == "pipeline"
    assert list(shown["jobs"]) == ["train", "evaluate", "register"]
    assert shown["inputs"]["champion"] == {"type": "custom_model", "path": "azureml:flower_classifier:4"}


def test_the_sdk_keeps_quiet(tmp_path):
    program = (
        "from pathlib import Path; from flowerops.targets.azureml.orders import JobOrder\n"
        "from flowerops.targets.azureml.pipelines import build_job\n"
        "build_job(JobOrder('train', 'n', 'e', 'd', 'c', 'azureml:e:1', Path(), folders={'data': 'azureml:x:1'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(body(build_job(training_order(Path(folder)))), indent=1, sort_keys=True)
    GOLDEN.write_text(text + "\n", encoding="utf-8")
