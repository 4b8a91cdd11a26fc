"""Pipeline jobs out of the YAML files and an order."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import yaml

from flowerops.targets.azureml.client import quieten
from flowerops.targets.azureml.orders import JobOrder
from flowerops.targets.azureml.pipeline_files import (
    Spec,
    drop_other_folders,
    pipeline_file,
    read_pipeline,
    set_folder,
    set_literal,
)

if TYPE_CHECKING:
    from azure.ai.ml.entities import PipelineComponent, PipelineJob

STEP_TAG = "flowerops.step"
_SEVERAL_MACHINES = {"train", "decode", "score"}
"""Steps that an order's `instances` are meant for."""


def build_job(order: JobOrder) -> PipelineJob:
    """The job that an order describes, ready to be submitted; nothing is sent.

    Raises:
        ValueError: The pipeline has no such input or output, or lacks one that it needs.
    """
    spec = job_spec(order)
    quieten()
    from azure.ai.ml import load_job

    job: Any = load_job(_stream(spec), relative_origin=str(pipeline_file(order.pipeline)))
    return job  # type: ignore[no-any-return]


def build_component(spec: Spec, pipeline: str) -> PipelineComponent:
    """A component out of its document. pipeline: stem of the file that relative paths in it are relative to."""
    quieten()
    from azure.ai.ml import load_component

    component: Any = load_component(_stream(spec), relative_origin=str(pipeline_file(pipeline)))
    return component  # type: ignore[no-any-return]


def job_yaml(job: PipelineJob) -> str:
    """A job as the YAML that `az ml job create -f` takes; for people who want to see it first."""
    document: Any = job._to_dict()  # its public way out, dump(), writes to files only
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    return text


def _stream(spec: Spec) -> io.StringIO:
    return io.StringIO(yaml.safe_dump(spec, sort_keys=False))


def job_spec(order: JobOrder) -> Spec:
    """The pipeline's document with everything that the order says."""
    spec = read_pipeline(order.pipeline, order.code, order.environment)
    spec["experiment_name"], spec["display_name"] = order.experiment, order.display_name
    if order.name:
        spec["name"] = order.name
    spec["tags"] = dict(order.tags)
    compute = order.compute if order.compute.startswith("azureml:") else f"azureml:{order.compute}"
    spec["settings"] = {**spec["settings"], "default_compute": compute, "force_rerun": True}
    drop_other_folders(spec, order.folders)
    for name, text in {**_geometry(spec, order), **order.inputs}.items():
        set_literal(spec, name, text)
    for name, path in order.folders.items():
        set_folder(spec, name, path, model=name in order.model_folders)
    _place_outputs(spec, order)
    for name, job in spec["jobs"].items():
        job["tags"] = {**order.tags, STEP_TAG: name}
        _equip(job, order, several=name in _SEVERAL_MACHINES)
    return spec


def _geometry(spec: Spec, order: JobOrder) -> dict[str, str]:
    """What a decode step must know of the parameters; it gets them one by one, for its arguments take no JSON."""
    params = json.loads(order.inputs.get("params", "{}"))
    names = [name for name in ("image_size", "fit") if name in spec["inputs"] and name in params]
    return {name: str(params[name]) for name in names}


def _place_outputs(spec: Spec, order: JobOrder) -> None:
    for name, place in order.outputs.items():
        if name not in spec["outputs"]:
            raise ValueError(f"pipeline {order.pipeline} has no output {name}")
        output = {**spec["outputs"][name], "path": place.uri}
        output.pop("name", None)
        spec["outputs"][name] = output | ({"name": place.asset} if place.asset else {})


def _equip(job: Spec, order: JobOrder, *, several: bool) -> None:
    """Machines, shared memory and time for one step."""
    parallel = job["type"] == "parallel"
    resources: Spec = {}
    if several and (order.instances > 1 or parallel):
        resources["instance_count"] = order.instances
    if order.shm_size and not parallel:
        resources["shm_size"] = order.shm_size
    if resources:
        job["resources"] = resources
    if several and order.instances > 1 and not parallel:
        job["distribution"] = {"type": "tensorflow", "worker_count": order.instances}
    if order.timeout_minutes and not parallel:  # the parallel step has a limit for each batch instead
        job["limits"] = {"timeout": order.timeout_minutes * 60}
