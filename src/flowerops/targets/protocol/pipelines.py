"""Pipelines that run as jobs of their own, behind an address and on a schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from flowerops.domain.documents import Document
from flowerops.domain.params import EvaluateParams, GatePolicy, Mode, PreprocessParams, RegisterParams, TrainParams
from flowerops.domain.progress import Progress
from flowerops.domain.steps import StepContext
from flowerops.targets.protocol.datasets import DatasetVersion
from flowerops.targets.protocol.models import ModelVersion


@dataclass(frozen=True)
class TrainingParams:
    """What the three steps of the training pipeline are asked: train, evaluate and, by the gate's policy, register."""

    train: TrainParams
    evaluate: EvaluateParams
    register: RegisterParams
    policy: GatePolicy


@dataclass(frozen=True)
class TrainingOrder:
    """What the training pipeline is to do: train on a processed version, evaluate, register.

    champion: the version that the candidate is compared with, or None while there is none.
    """

    raw: DatasetVersion
    processed: DatasetVersion
    params: TrainingParams
    champion: ModelVersion | None
    context: StepContext


@dataclass(frozen=True)
class Retraining:
    """How a target retrains by itself from a folder of photos, without a command that resolves anything before.

    dataset: its name. mode: see `steps.intake.IntakeInput`. context: build and code of whoever sets it up; run and
    versions are found out when it happens. tags: of every run.
    """

    experiment: str
    dataset: str
    preprocess: PreprocessParams
    params: TrainingParams
    context: StepContext
    mode: Mode | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The name of the model that it registers."""
        return self.params.register.name


@dataclass(frozen=True)
class PublishedPipeline:
    """The retraining pipeline behind an address: one call with a folder of photos retrains.

    active: the version that a call runs; versions: all that were published.
    """

    name: str
    url: str | None
    active: str | None
    versions: Sequence[str]


@dataclass(frozen=True)
class Schedule:
    """A retraining that comes again. cron: five fields, UTC. data: the folder of photos that is read each time."""

    name: str
    cron: str
    data: str
    enabled: bool


@dataclass(frozen=True)
class JobPreview:
    """A job that is to be shown and not submitted.

    pipeline: preprocess, train, evaluate or training. dataset: the raw one, as NAME or NAME:VERSION; without a number
    the latest is meant, as in `model`. texts: the pipeline's documents by the names of its inputs.
    """

    pipeline: str
    experiment: str
    dataset: str
    model: str
    texts: Mapping[str, Document]


class PipelineHost(Protocol):
    """Where whole pipelines run by themselves, without the command that asked for them."""

    def preview(self, job: JobPreview) -> str:
        """The job's YAML, as near to what would be submitted as can be said without asking the workspace."""

    def train(self, run_id: str, order: TrainingOrder, progress: Progress) -> str:
        """Run train, evaluate and register as one job of a pipeline run, and wait for it.

        Returns:
            The run that the job belongs to; another one than asked for when an earlier command had submitted it.

        Raises:
            FlowerOpsError: A step failed. That the gate said no is no failure: the register step's output says so.
        """

    def publish(self, name: str, version: str, retraining: Retraining, progress: Progress) -> PublishedPipeline:
        """Put the retraining pipeline behind an address, under a version that calls run from now on.

        Raises:
            FlowerOpsError: The version was published with another content, or it cannot be published.
        """

    def published(self) -> list[PublishedPipeline]:
        """What was published."""

    def trigger(self, name: str, data: Path | str, progress: Progress) -> str:
        """Retrain now, by one call of the address.

        Args:
            name: Of the published pipeline.
            data: A folder of photos on this machine, which is uploaded, or the address of one in the workspace.
            progress: Told of uploads.

        Returns:
            The run's id.

        Raises:
            BadInputError: Nothing is published under that name, or there are no photos.
        """

    def schedule(self, name: str, cron: str, data: str | None, retraining: Retraining, progress: Progress) -> Schedule:
        """Retrain again and again, from a folder of the workspace; without `data` from its folder for new photos.

        Raises:
            BadInputError: There are no photos.
        """

    def schedules(self) -> list[Schedule]:
        """All schedules of ours, also those that do not run."""

    def unschedule(self, name: str) -> None:
        """Take one of these schedules away."""
