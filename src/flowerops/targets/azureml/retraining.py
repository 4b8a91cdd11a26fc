"""The retraining pipeline in its two forms: a job that a schedule starts, and a component behind an address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowerops.domain.dataset import PROCESSED_SUFFIX
from flowerops.targets.azureml.inbox import PHOTOS
from flowerops.targets.azureml.mirror import Mirror
from flowerops.targets.azureml.orders import OutputPlace
from flowerops.targets.azureml.pipeline_files import Spec, component_file, pipeline_file, read_spec
from flowerops.targets.azureml.requests import Wiring, document_text, training_texts
from flowerops.targets.protocol import Retraining

PIPELINE = "retrain"
COMPONENT = "flowers_retrain"
_STEP_RUN = "${{name}}"


def literals(retraining: Retraining) -> dict[str, str]:
    """The pipeline's literal inputs."""
    return {
        "dataset": retraining.dataset,
        "model": retraining.model,
        "mode": retraining.mode or "keep-classes",
        "preprocess_params": document_text(retraining.preprocess),
        **training_texts(retraining.params),
        "context": document_text(retraining.context),
    }


def retraining_wiring(retraining: Retraining, data: str, mirror: Mirror) -> Wiring:
    """Inputs and outputs of the job. Its outputs lie below the runs of the steps, which no one knows before."""

    def place(*parts: str) -> str:
        return mirror.place(*parts).uri

    raw, processed = retraining.dataset, retraining.dataset + PROCESSED_SUFFIX
    outputs = {
        "raw": OutputPlace(place("datasets", raw, _STEP_RUN), raw),
        "processed": OutputPlace(place("datasets", processed, _STEP_RUN), processed),
        "trained": OutputPlace(place("runs", _STEP_RUN, "train")),
        "evaluated": OutputPlace(place("runs", _STEP_RUN, "evaluate")),
        "registered": OutputPlace(place("runs", _STEP_RUN, "register")),
        "cache": OutputPlace(place("cache")),
        "checkpoints": OutputPlace(place("runs", _STEP_RUN, "checkpoints")),
    }
    return Wiring(literals(retraining), {PHOTOS: data}, outputs)


def pipeline_component(version: str, defaults: Mapping[str, str], tags: Mapping[str, str]) -> Spec:
    """The pipeline as a component: the photos are asked for, all else has a default.

    A component says nothing of places. Its outputs lie where the service puts them, and the register step gives the
    dataset versions among them their numbers.

    Args:
        version: Of this component and of those that it uses.
        defaults: The literal inputs.
        tags: Of the component.
    """
    spec = read_spec(pipeline_file(PIPELINE))
    jobs: dict[str, Any] = spec["jobs"]
    for job in jobs.values():
        job["component"] = f"azureml:{component_name(job['component'])}:{version}"
    return {
        "$schema": "https://azuremlschemas.azureedge.net/latest/pipelineComponent.schema.json",
        "type": "pipeline",
        "name": COMPONENT,
        "version": version,
        "display_name": spec["display_name"],
        "description": spec["description"],
        "is_deterministic": False,
        "tags": dict(tags),
        "inputs": {
            PHOTOS: {"type": "uri_folder"},
            **{name: {"type": "string", "default": text} for name, text in defaults.items()},
        },
        "outputs": {name: {"type": output["type"]} for name, output in spec["outputs"].items()},
        "jobs": jobs,
    }


def component_name(file: str) -> str:
    """The name under which a pipeline's component is registered."""
    name: str = read_spec(component_file(file.rpartition("/")[2].removesuffix(".yml")))["name"]
    return name
