"""What is asked of a pipeline job, before the SDK's own types come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class OutputPlace:
    """Where a pipeline's output goes: its uri (`${{name}}` is the step run's id), and the data asset it becomes."""

    uri: str
    asset: str | None = None


@dataclass(frozen=True)
class JobOrder:
    """One pipeline job.

    pipeline: stem of its file in `pipelines/azureml`. name: of the job, unique in the workspace; empty for one that the
    workspace names. inputs: literals by name, as text. folders: folder inputs by name: an `azureml://` uri, or
    `azureml:NAME:VERSION`; an optional input that is in neither is left out. environment: `azureml:NAME:VERSION`.
    compute: a cluster's name, or `serverless`. code: the folder that the steps run in. instances: machines for the step
    that can use several. outputs: by name. model_folders: names of the folder inputs that are registered models.
    """

    pipeline: str
    name: str
    experiment: str
    display_name: str
    compute: str
    environment: str
    code: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, OutputPlace] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    instances: int = 1
    shm_size: str | None = None
    timeout_minutes: int | None = None
    model_folders: frozenset[str] = frozenset()
