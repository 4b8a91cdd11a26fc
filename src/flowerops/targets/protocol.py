"""What every target offers to the services, in the words of the domain; no SDK's type crosses this line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from flowerops.datasets.raw import NewPhotos
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import VersionManifest
from flowerops.domain.deployment import Deployment, Endpoint, ModelRef
from flowerops.domain.documents import Document
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.domain.steps import StepContext
from flowerops.domain.verification import Problem


@dataclass(frozen=True)
class DatasetVersion:
    """A numbered dataset version, its manifest, and the folder that a step can read it from."""

    name: str
    version: int
    manifest: VersionManifest
    folder: Path

    @property
    def ref(self) -> VersionRef:
        """Name, number and digest."""
        return VersionRef(name=self.name, version=self.version, digest=self.manifest.digest)


@dataclass(frozen=True)
class DatasetEntry:
    """A number that was handed out, its content's digest, and where its files should lie; nothing was opened yet."""

    name: str
    version: int
    digest: str
    folder: Path

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True)
class Run:
    """A pipeline run or a step run. status: RUNNING, FINISHED, FAILED or KILLED; times in ms since 1970, UTC."""

    id: str
    experiment: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: Sequence[Run] = ()


@dataclass(frozen=True)
class ModelVersion:
    """A registered model version: its bundle's digest and folder, its tags, and whether it is the champion."""

    name: str
    version: int
    digest: str
    bundle: Path
    run_id: str | None
    created_ms: int
    champion: bool
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StepRequest:
    """One step to run: preprocess, train or evaluate; `inputs` are folders by input name, `values` further texts."""

    name: str
    inputs: Mapping[str, Path | Sequence[Path] | None]
    params: Document
    context: StepContext
    datasets: Sequence[VersionRef] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StepOutput:
    """A finished step: its run's id and its output folder."""

    run_id: str
    folder: Path


@dataclass(frozen=True)
class Garbage:
    """A file or folder to remove. kind: leftover, version, object, cache or output. why: in words."""

    kind: str
    path: Path
    bytes: int
    why: str


class DatasetStore(Protocol):
    """Numbered, immutable dataset versions."""

    def all(self, name: str | None = None) -> list[DatasetVersion]:
        """All versions, or those of one dataset, newest first."""

    def find(self, selector: Selector) -> DatasetVersion:
        """One version, the latest when no number is given.

        Raises:
            BadInputError: There is none; the hint has the nearest name.
        """

    def take_in(self, new: NewPhotos, context: StepContext, progress: Progress) -> Path:
        """Store photos as a raw version without a number yet.

        Returns:
            The version's folder.
        """

    def number(self, folder: Path) -> DatasetVersion:
        """Publish a version's folder and give it its number; the same content keeps the number it has."""

    def entries(self, name: str | None = None) -> list[DatasetEntry]:
        """All numbers, newest first, whether or not their files are there and whole; for checks and clean-ups."""

    def remove(self, entry: DatasetEntry) -> None:
        """Take a version away for good; its number goes on standing for its content and for nothing else."""

    def objects(self) -> Path | None:
        """The folder of the content store that raw versions refer to, or None when they carry their photos."""


class RunStore(Protocol):
    """Pipeline runs with step runs as children."""

    def pipeline_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> AbstractContextManager[str]:
        """Begin a pipeline run that closes with the block; yields its id."""

    def run_step(self, run_id: str, request: StepRequest) -> StepOutput:
        """Run a step under a pipeline run and wait for it; its failure is raised here."""

    def recorded_step(self, run_id: str, name: str, tags: Mapping[str, str]) -> AbstractContextManager[str]:
        """Record work done in this process as a step run; yields the step run's id."""

    def find(self, run_id: str) -> Run:
        """A run with its steps.

        Raises:
            BadInputError: There is none.
        """

    def latest(self, tags: Mapping[str, str]) -> Run | None:
        """The newest pipeline run that carries these tags."""

    def output(self, run: Run, step: str) -> StepOutput | None:
        """The output of the newest finished step of that name."""

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Add tags to a run."""

    def cache(self) -> Path:
        """A folder for what steps can compute again."""

    def ui_command(self, port: int) -> tuple[list[str], Mapping[str, str]]:
        """The command line and the environment of the tracking server's page."""


class ModelRegistry(Protocol):
    """Registered model versions and the champion among them."""

    def names(self) -> list[str]:
        """All registered models."""

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a model, newest first."""

    def register(self, name: str, bundle: Path, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """Store a bundle and give it the next version number."""

    def tag(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Add or change tags of a version."""

    def set_champion(self, name: str, version: int) -> None:
        """Make a version the champion."""

    def registration(self, name: str) -> AbstractContextManager[None]:
        """Hold off other registrations of this model while the block runs."""


class EndpointHost(Protocol):
    """Where models are served: endpoints with a blue and a green deployment."""

    def deploying(self, endpoint: str) -> AbstractContextManager[None]:
        """Hold off other deploys to this endpoint while the block runs."""

    def check_port(self, endpoint: str, port: int) -> None:
        """Make sure that the endpoint can have this port.

        Raises:
            ConflictError: Somebody else listens on it.
        """

    def start(self, endpoint: str, bundle_dir: Path, model: ModelRef, port: int | None = None) -> Deployment:
        """Start the idle colour and wait until it is ready; traffic stays where it is."""

    def activate(self, endpoint: str, deployment: Deployment, port: int | None = None) -> Endpoint:
        """Move all traffic to a deployment that is ready; the one before stays for a rollback."""

    def discard(self, endpoint: str, deployment: Deployment) -> None:
        """Stop a deployment that never took traffic."""

    def all(self) -> list[Endpoint]:
        """All endpoints with their deployments' real state."""

    def find(self, endpoint: str) -> Endpoint:
        """One endpoint.

        Raises:
            BadInputError: There is none; the hint has the nearest name.
        """

    def stop(self, endpoint: str) -> Endpoint:
        """Stop an endpoint and its deployments."""

    def rollback(self, endpoint: str) -> Endpoint:
        """Move traffic back to the deployment that had it before."""

    def logs(self, endpoint: str, lines: int = 100) -> str:
        """The last lines of the active deployment's log."""


class Storage(Protocol):
    """The room that a target takes up, and who may change it."""

    def announce(self) -> None:
        """Say that this process is about to write and goes on until it ends; clean-ups stay away meanwhile.

        Raises:
            ConflictError: A clean-up did not end in time.
        """

    def cleaning(self) -> AbstractContextManager[None]:
        """Hold off every writer while the block runs.

        Raises:
            ConflictError: A command is writing; the message names it.
        """

    def workspace(self) -> AbstractContextManager[Path]:
        """An empty folder for files on their way; it goes with the block."""

    def downloads(self) -> Path:
        """Where downloads that were cut off wait to be resumed."""

    def notices(self) -> Path:
        """Where licences and attributions of fetched photos are kept, for as long as the storage lives."""

    def tracked(self) -> bool:
        """Whether any run or model was recorded yet."""

    def problems(self) -> list[Problem]:
        """What is wrong with the records of numbers, runs and models."""

    def leftovers(self) -> list[Path]:
        """What killed processes left behind."""

    def garbage(self, runs: RunStore | None) -> list[Garbage]:
        """Everything that no version, run or model needs; ask while `cleaning`. runs: None when nothing is tracked.

        Raises:
            StoreIntegrityError: A version is damaged, so nobody can say what it needs.
        """


class Target(Protocol):
    """Local folders or an Azure ML workspace."""

    @property
    def name(self) -> str:
        """`local` or `azureml`."""

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
    def endpoints(self) -> EndpointHost:
        """Deployments."""

    @property
    def storage(self) -> Storage:
        """The room it takes up."""
