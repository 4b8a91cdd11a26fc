"""What a step is to do, once its component, its node in the pipeline and the job are read together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from azure_emulator.answers import Json

_DURATION = re.compile(r"^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$")


@dataclass
class Output:
    """Where an output goes: a datastore path (`${{name}}` in it is the run's id), and the asset it becomes."""

    kind: str = "uri_folder"
    uri: str | None = None
    asset: str | None = None
    version: str | None = None
    mode: str = "ReadWriteMount"

    @property
    def is_model(self) -> bool:
        return "model" in self.kind

    @property
    def is_mounted(self) -> bool:
        return self.mode.lower() in ("readwritemount", "rw_mount", "mount")


@dataclass
class Step:
    """A step that can be run."""

    name: str
    spec: Json
    literals: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    compute: str = "serverless"
    instances: int = 1
    tensorflow: bool = False
    timeout: float | None = None

    @property
    def is_parallel(self) -> bool:
        return self.spec.get("type") == "parallel"


def pick(holder: Any, *names: str) -> Any:
    """The first of the names that is there: the wire writes some in snake_case, some in camelCase."""
    holder = holder or {}
    return next((holder[name] for name in names if holder.get(name) is not None), None)


def compute_name(reference: Any) -> str:
    """The name in an id or in `azureml:NAME`; no compute at all is serverless."""
    return str(reference or "serverless").rsplit("/", 1)[-1].removeprefix("azureml:")


def seconds(limit: Any) -> float | None:
    """A timeout: a number of seconds, or PT1H2M3S."""
    if limit is None:
        return None
    duration = _DURATION.match(str(limit))
    if not duration:
        return float(limit)
    hours, minutes, rest = (float(part or 0) for part in duration.groups())
    return hours * 3600 + minutes * 60 + rest


def settle(step: Step, holder: Json) -> None:
    """Take resources, distribution, limits and variables from a component, a node or a command job."""
    resources = pick(holder, "resources")
    step.instances = int(pick(resources, "instance_count", "instanceCount") or step.instances)
    distribution = pick(holder, "distribution")
    kind = pick(distribution, "type", "distribution_type", "distributionType")
    if kind:
        step.tensorflow = str(kind).lower() == "tensorflow"
    workers = int(pick(distribution, "worker_count", "workerCount") or 0)
    step.instances = max(step.instances, workers) if step.tensorflow else step.instances
    step.timeout = seconds(pick(pick(holder, "limits"), "timeout")) or step.timeout
    variables = pick(holder, "environment_variables", "environmentVariables") or {}
    step.variables.update({name: str(value) for name, value in variables.items()})
    compute = pick(holder, "computeId", "compute")
    step.compute = compute_name(compute) if compute else step.compute
