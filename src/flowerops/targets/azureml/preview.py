"""A job's YAML for people who want to see it first; nobody has to be signed in."""

from __future__ import annotations

from pathlib import Path

import flowerops
from flowerops.domain.dataset import PROCESSED_SUFFIX
from flowerops.settings import Settings
from flowerops.targets.azureml.environments import environment_name
from flowerops.targets.azureml.mirror import ROOT
from flowerops.targets.azureml.orders import JobOrder, OutputPlace
from flowerops.targets.azureml.pipelines import build_job, job_yaml
from flowerops.targets.azureml.requests import document_text
from flowerops.targets.azureml.submit import pipeline_stem
from flowerops.targets.protocol import JobPreview

_DATASTORE = "${{default_datastore}}"
_RUN = "${{name}}"
_OUTPUTS = {
    "preprocess": ("processed",),
    "train": ("trained", "cache", "checkpoints"),
    "evaluate": ("evaluated",),
    "training": ("trained", "cache", "checkpoints", "evaluated", "registered"),
}
_STEPS = {"trained": "train", "evaluated": "evaluate", "registered": "register", "checkpoints": "checkpoints"}


def preview_yaml(job: JobPreview, settings: Settings, instances: int) -> str:
    """The YAML of the job; versions that only the workspace knows are written as `@latest`."""
    name, _, version = job.dataset.partition(":")
    raw = f"azureml:{name}:{version}" if version else f"azureml:{name}@latest"
    processed = f"azureml:{name}{PROCESSED_SUFFIX}@latest"
    model, _, number = job.model.partition(":")
    folders = {
        "preprocess": {"raw": raw},
        "train": {"data": processed},
        "evaluate": {"data": processed, "model": f"azureml:{model}:{number}" if number else f"azureml:{model}@latest"},
        "training": {"data": processed, "raw": raw},
    }[job.pipeline]
    stem = pipeline_stem(job.pipeline, instances)
    order = JobOrder(
        pipeline=stem,
        name=f"{job.pipeline}-preview",
        experiment=job.experiment,
        display_name=job.pipeline,
        compute=settings.compute,
        environment=environment_name("train", settings),
        code=Path(flowerops.__file__).parent.parent,
        inputs={key: document_text(document) for key, document in job.texts.items()},
        folders=folders,
        outputs={key: _place(key, name, settings) for key in _OUTPUTS[job.pipeline]},
        instances=instances,
        shm_size=settings.shm_size,
        timeout_minutes=settings.job_timeout_minutes,
    )
    made = build_job(order)
    made.name = None  # each job gets a name of its own
    return job_yaml(made)


def _place(output: str, dataset: str, settings: Settings) -> OutputPlace:
    root = f"azureml://datastores/{settings.datastore_name or _DATASTORE}/paths/{ROOT}"
    if output == "processed":
        name = dataset + PROCESSED_SUFFIX
        return OutputPlace(f"{root}/datasets/{name}/{_RUN}", name)
    if output == "cache":
        return OutputPlace(f"{root}/cache")
    return OutputPlace(f"{root}/runs/{_RUN}/{_STEPS[output]}")
