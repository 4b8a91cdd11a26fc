"""A target: what it has of each kind."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from flowerops.domain.doctor import Diagnosis
from flowerops.targets.protocol.datasets import DatasetStore
from flowerops.targets.protocol.endpoints import EndpointHost
from flowerops.targets.protocol.models import ModelRegistry
from flowerops.targets.protocol.pipelines import PipelineHost
from flowerops.targets.protocol.runs import RunStore
from flowerops.targets.protocol.storage import Storage


class Target(Protocol):
    """Local folders or an Azure ML workspace."""

    @property
    def name(self) -> str:
        """`local` or `azureml`."""

    def expecting(self, step: str) -> AbstractContextManager[None]:
        """Get ready for a step that will probably be run in the block, where that saves time."""

    @property
    def datasets(self) -> DatasetStore:
        """Dataset versions."""

    @property
    def runs(self) -> RunStore:
        """Runs."""

    @property
    def models(self) -> ModelRegistry:
        """Model versions."""

    @property
    def pipelines(self) -> PipelineHost | None:
        """Pipelines as jobs of their own; None where steps are run one by one."""

    @property
    def endpoints(self) -> EndpointHost:
        """Deployments."""

    @property
    def storage(self) -> Storage:
        """The room it takes up."""

    def diagnose(self) -> list[Diagnosis]:
        """What hinders work here, and what to do; changes nothing, and whatever fails is a finding."""
