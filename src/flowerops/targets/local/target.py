"""The local target: everything under one home folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from flowerops.domain.doctor import Diagnosis
from flowerops.domain.progress import Progress
from flowerops.targets.local.ahead import expecting
from flowerops.targets.local.checkup import diagnose
from flowerops.targets.local.datasets import LocalDatasets
from flowerops.targets.local.deployments import LocalDeployments
from flowerops.targets.local.home import Home
from flowerops.targets.local.models import LocalModels
from flowerops.targets.local.runs import LocalRuns
from flowerops.targets.local.steps import step_environment
from flowerops.targets.local.storage import LocalStorage
from flowerops.tracking import Ledger


class LocalTarget:
    """See `targets.protocol.Target`. MLflow is loaded only when runs or models are asked for."""

    name = "local"

    pipelines = None

    def __init__(self, home: Path, api_key: str | None = None, progress: Progress | None = None) -> None:
        self._api_key = api_key
        self._progress = progress
        self.home = Home(home)
        self.home.prepare()

    def expecting(self, step: str) -> AbstractContextManager[None]:
        """Have a process ready."""
        return expecting(step, step_environment())

    @cached_property
    def _ledger(self) -> Ledger:
        return Ledger.open_sqlite(self.home.tracking)

    @cached_property
    def datasets(self) -> LocalDatasets:
        """Dataset versions."""
        return LocalDatasets(self.home)

    @cached_property
    def runs(self) -> LocalRuns:
        """Runs."""
        return LocalRuns(self.home, self._ledger)

    @cached_property
    def models(self) -> LocalModels:
        """Model versions."""
        return LocalModels(self.home, self._ledger)

    @cached_property
    def endpoints(self) -> LocalDeployments:
        """Deployments."""
        return LocalDeployments(self.home.endpoints, self._api_key, progress=self._progress)

    @cached_property
    def storage(self) -> LocalStorage:
        """The home folder on the disk."""
        return LocalStorage(self.home)

    def diagnose(self) -> list[Diagnosis]:
        """What is wrong with the home folder and with what serves from it."""
        return diagnose(self.home, self.endpoints)
