"""The Azure ML target: one workspace, and a mirror of what this machine has seen of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

from flowerops.domain.doctor import Diagnosis
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.settings import Settings
from flowerops.targets.azureml.checkup import diagnose
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.data import AzureDatasets
from flowerops.targets.azureml.endpoints import AzureEndpoints
from flowerops.targets.azureml.jobs import Jobs
from flowerops.targets.azureml.mirror import Mirror
from flowerops.targets.azureml.models import AzureModels
from flowerops.targets.azureml.requests import Wirer
from flowerops.targets.azureml.runs import AzureRuns
from flowerops.targets.azureml.storage import AzureStorage
from flowerops.targets.azureml.submit import Submitter
from flowerops.targets.azureml.training import AzurePipelines


class AzureTarget:
    """See `targets.protocol.Target`. Nothing is asked of Azure before it is needed.

    Args:
        settings: Which workspace, and how jobs run.
        progress: Told of uploads and downloads.
        wait: Whether commands wait for their jobs.
        instances: Machines for the steps that can use several.
    """

    name = "azureml"

    def __init__(
        self, settings: Settings, progress: Progress | None = None, *, wait: bool = True, instances: int = 1
    ) -> None:
        self.client = AzureClient(settings)
        self._settings = settings
        self._instances = instances
        self._progress = progress or SilentProgress()
        self.mirror = Mirror(self.client, settings.home)
        self._jobs = Jobs(self.client)
        self._submitter = Submitter(self.client, self.mirror, self._jobs, wait=wait, instances=instances)

    def expecting(self, step: str) -> AbstractContextManager[None]:
        """Nothing here can be got ready."""
        del step
        return nullcontext()

    @cached_property
    def datasets(self) -> AzureDatasets:
        """Dataset versions."""
        return AzureDatasets(self.client, self.mirror, self._progress)

    @cached_property
    def models(self) -> AzureModels:
        """Model versions."""
        return AzureModels(self.client, self.mirror, self._progress)

    @cached_property
    def _wirer(self) -> Wirer:
        return Wirer(self.mirror, self.datasets, self.models, self._instances)

    @cached_property
    def runs(self) -> AzureRuns:
        """Runs."""
        return AzureRuns(self.client, self._jobs, self._wirer, self._submitter)

    @cached_property
    def pipelines(self) -> AzurePipelines:
        """Pipelines as jobs."""
        return AzurePipelines(self.client, self._submitter, self._wirer, self.runs)

    @cached_property
    def endpoints(self) -> AzureEndpoints:
        """Deployments."""
        return AzureEndpoints(self.client, self.mirror, self._progress)

    @cached_property
    def storage(self) -> AzureStorage:
        """This machine's part of it."""
        return AzureStorage(self.mirror, self._settings.home)

    def diagnose(self) -> list[Diagnosis]:
        """Sign-in, clock, reach, roles, storage, quota and cluster."""
        return diagnose(self.client)
