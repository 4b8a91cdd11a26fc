"""What is published: the retraining pipeline as a component, and the names of its deployments."""

from __future__ import annotations

import re

import pytest

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.params import EvaluateParams, GatePolicy, PreprocessParams, RegisterParams, TrainParams
from flowerops.domain.steps import StepContext
from flowerops.targets.azureml.pipelines import build_component
from flowerops.targets.azureml.publishing import deployment_name
from flowerops.targets.azureml.retraining import PIPELINE, literals, pipeline_component
from flowerops.targets.protocol import Retraining, TrainingParams

RETRAINING = Retraining(
    experiment="flower-training",
    dataset="flowers",
    preprocess=PreprocessParams(image_size=44),
    params=TrainingParams(TrainParams(epochs=3), EvaluateParams(), RegisterParams(), GatePolicy()),
    context=StepContext(build=BuildInfo(kind="given", id="it's 17"), code=CodeInfo()),
)


def test_the_photos_are_asked_for_and_all_else_has_a_default():
    spec = pipeline_component("1.0", literals(RETRAINING), {"BuildId": "17"})
    inputs = spec["inputs"]
    assert [name for name, declared in inputs.items() if "default" not in declared] == ["photos"]
    assert '"epochs":3' in inputs["train_params"]["default"]
    assert "'" not in inputs["context"]["default"]
    used = {text for job in spec["jobs"].values() for text in job["inputs"].values() if "parent.inputs" in text}
    assert used == {f"${{{{parent.inputs.{name}}}}}" for name in inputs}


def test_it_is_made_of_components_of_its_own_version_and_says_nothing_of_places():
    spec = pipeline_component("1.0", literals(RETRAINING), {})
    assert {job["component"] for job in spec["jobs"].values()} == {
        f"azureml:flowers_{step}:1.0" for step in ("intake", "preprocess", "train", "evaluate", "register")
    }
    assert all(set(output) == {"type"} for output in spec["outputs"].values())


def test_the_sdk_takes_it():
    component = build_component(pipeline_component("1.0", literals(RETRAINING), {}), PIPELINE)
    assert (component.name, component.version, component.type) == ("flowers_retrain", "1.0", "pipeline")


@pytest.mark.parametrize("version", ["1.0", "1-0", "20240501.3", "UPPER", "x" * 30, "0123456789ab-abababab", "...a"])
def test_deployments_have_names_that_the_service_takes(version):
    assert re.fullmatch("[a-z][a-z0-9-]{1,30}[a-z0-9]", deployment_name(version))


def test_versions_that_look_alike_have_different_deployments():
    assert len({deployment_name(version) for version in ("1.0", "1-0", "1_0", "1.0.", "A", "a")}) == 6
