"""The YAML files of `pipelines/azureml` as documents, made to fit an order before the SDK sees them.

The same files can be submitted with `az ml job create -f`; what an order adds or changes is put into the document, so
that there is one description of every pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from flowerops.io.project_files import project_file

Spec = dict[str, Any]
COMPONENTS = ("intake", "decode", "preprocess", "train", "evaluate", "register", "score")
_FOLDER = "pipelines/azureml"
_PARENT = "${{{{parent.inputs.{}}}}}"


def pipeline_file(name: str) -> Path:
    """Where a pipeline's file lies."""
    return project_file(f"{_FOLDER}/{name}.yml")


def component_file(name: str) -> Path:
    """Where a component's file lies."""
    return project_file(f"{_FOLDER}/components/{name}.yml")


def read_spec(file: Path) -> Spec:
    """A YAML file's document."""
    spec: Spec = yaml.safe_load(file.read_text(encoding="utf-8"))
    return spec


def read_component(name: str, code: Path, environment: str) -> Spec:
    """A component with another snapshot and environment than those of the source tree.

    Args:
        name: Of the step.
        code: The folder that the step runs in.
        environment: `azureml:NAME:VERSION`.
    """
    spec = read_spec(component_file(name))
    runs: Spec = spec.get("task", spec)  # the parallel component has a task that runs
    runs.update(code=str(code), environment=environment)
    return spec


def read_pipeline(name: str, code: Path, environment: str) -> Spec:
    """A pipeline with its components inside, all with one snapshot and one environment."""
    file = pipeline_file(name)
    spec = read_spec(file)
    for job in spec["jobs"].values():
        job["component"] = read_component(Path(job["component"]).stem, code, environment)
    return spec


def set_literal(spec: Spec, name: str, text: str) -> None:
    """Give a pipeline's input a value; one that the file leaves out is tied to the steps that can use it.

    Raises:
        ValueError: No step has such an input.
    """
    if name not in spec["inputs"]:
        _tie(spec, name)
    spec["inputs"][name] = text


def set_folder(spec: Spec, name: str, path: str, *, model: bool = False) -> None:
    """Give a pipeline's input a folder; one that the file leaves out is tied to the steps that can use it.

    Args:
        spec: The pipeline.
        name: Of the input.
        path: `azureml:NAME:VERSION`, or an `azureml://` address.
        model: Whether it is a model that the steps do not know to be one.

    Raises:
        ValueError: No step has such an input.
    """
    if name not in spec["inputs"]:
        _tie(spec, name)
    kinds = {job["component"]["inputs"][port]["type"] for job, port in _users(spec, name)}
    spec["inputs"][name] = {"type": "custom_model" if model else kinds.pop(), "path": path}


def drop_other_folders(spec: Spec, given: Mapping[str, str]) -> None:
    """Take away the folders that the file names as an example and the order leaves out.

    Raises:
        ValueError: A step cannot do without.
    """
    for name, value in list(spec["inputs"].items()):
        if isinstance(value, dict) and name not in given:
            for job, port in list(_users(spec, name)):
                if not job["component"]["inputs"][port].get("optional"):
                    raise ValueError(f"pipeline {spec['display_name']} lacks its input {name}")
                del job["inputs"][port]
            del spec["inputs"][name]


def _users(spec: Spec, name: str) -> Iterator[tuple[Spec, str]]:
    """The steps that a pipeline's input is tied to, and their inputs."""
    for job in spec["jobs"].values():
        for port, value in job["inputs"].items():
            if value == _PARENT.format(name):
                yield job, port


def _tie(spec: Spec, name: str) -> None:
    able = [
        job
        for job in spec["jobs"].values()
        if job["component"]["inputs"].get(name, {}).get("optional") and name not in job["inputs"]
    ]
    if not able:
        raise ValueError(f"pipeline {spec['display_name']} has no input {name}")
    for job in able:
        job["inputs"][name] = _PARENT.format(name)
