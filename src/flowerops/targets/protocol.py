"""What every target offers to the services, in the words of the domain; no SDK's type crosses this line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from flowerops.datasets.raw import NewPhotos
from flowerops.domain.audit import AuditEntry
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import VersionManifest
from flowerops.domain.deployment import Deployment, Endpoint, ModelRef
from flowerops.domain.doctor import Diagnosis
from flowerops.domain.documents import Document
from flowerops.domain.names import Selector
from flowerops.domain.params import EvaluateParams, GatePolicy, Mode, PreprocessParams, RegisterParams, TrainParams
from flowerops.domain.progress import Progress
from flowerops.domain.steps import StepContext
from flowerops.domain.verification import Problem

Checkpointing = Literal["resume", "fresh", "none"]
"""What a training does with checkpoints, see `StepRequest`."""
ARCHIVED_TAG = "archived"
"""Tag of a model version: `true` while it is put away."""


@dataclass(frozen=True)
class DatasetVersion:
    """A numbered dataset version, its manifest, and the folder that a step can read it from.

    The folder has manifest and rows; its other files may have to be fetched first: see `DatasetStore.open`.
    """

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
    """A pipeline run or a step run. status: RUNNING, FINISHED, FAILED or KILLED; times in ms since 1970, UTC.

    abandoned: it never said that it ended, and nobody works on it any more; its status is KILLED then.
    """

    id: str
    experiment: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: Sequence[Run] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    abandoned: bool = False


@dataclass(frozen=True)
class ModelVersion:
    """A registered model version: its bundle's digest and folder, its tags, and whether it is the champion.

    The bundle's files may have to be fetched first: see `ModelRegistry.open`.
    """

    name: str
    version: int
    digest: str
    bundle: Path
    run_id: str | None
    created_ms: int
    champion: bool
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def archived(self) -> bool:
        """Whether it was put away: it is listed on demand only, and is no champion, now or by a rollback."""
        return self.tags.get(ARCHIVED_TAG) == "true"

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True)
class StepRequest:
    """One step to run: preprocess, train or evaluate; `inputs` are folders by input name, `values` further texts.

    checkpoints: whether a training goes on from those of an interrupted one (resume), deletes them (fresh), or neither
    reads nor leaves any of which a later command knows (none).
    """

    name: str
    inputs: Mapping[str, Path | Sequence[Path] | None]
    params: Document
    context: StepContext
    datasets: Sequence[VersionRef] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    checkpoints: Checkpointing = "resume"


@dataclass(frozen=True)
class TrainingOrder:
    """What the training pipeline is to do: train on a processed version, evaluate, register.

    champion: the version that the candidate is compared with, or None while there is none.
    """

    raw: DatasetVersion
    processed: DatasetVersion
    train: TrainParams
    evaluate: EvaluateParams
    register: RegisterParams
    policy: GatePolicy
    champion: ModelVersion | None
    context: StepContext


@dataclass(frozen=True)
class Retraining:
    """How a target retrains by itself from a folder of photos, without a command that resolves anything before.

    dataset, model: names. mode: see `steps.intake.IntakeInput`. context: build and code of whoever sets it up; run and
    versions are found out when it happens. tags: of every run.
    """

    experiment: str
    dataset: str
    model: str
    preprocess: PreprocessParams
    train: TrainParams
    evaluate: EvaluateParams
    register: RegisterParams
    policy: GatePolicy
    context: StepContext
    mode: Mode | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True)
class StepOutput:
    """A finished step: its run's id and its output folder.

    pipeline_id: the pipeline run that it belongs to, when that is not the one it was asked for: an earlier command had
    submitted the same step and was cut off.
    """

    run_id: str
    folder: Path
    pipeline_id: str | None = None


@dataclass(frozen=True)
class LogLine:
    """One line that a step wrote."""

    step: str
    text: str


@dataclass(frozen=True)
class Garbage:
    """A file or folder to remove. kind: leftover, version, object, cache or output. why: in words.

    bytes: how many its removal frees. save: called before, puts what must not be lost somewhere else.
    """

    kind: str
    path: Path
    bytes: int
    why: str
    save: Callable[[], None] | None = None


@dataclass(frozen=True)
class Probe:
    """How to reach an endpoint, or one of its deployments.

    url: Its base; scores are asked from its /score. headers: What every request carries. key: What it carries as
    `Authorization: Bearer KEY`. has_health_routes: Whether it answers /healthz and /readyz. warmup_s: How long it may
    take to answer at first. timeout_s: For one request.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = field(default=None, repr=False)
    has_health_routes: bool = True
    warmup_s: float = 10.0
    timeout_s: float = 10.0

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers with the key among them."""
        return {**self.headers, **({"Authorization": f"Bearer {self.key}"} if self.key else {})}


@dataclass(frozen=True)
class Machines:
    """What a deployment runs on: the machines' type and how many; None is what the settings say."""

    instance_type: str | None = None
    count: int | None = None


@dataclass(frozen=True)
class Access:
    """Who reaches an endpoint of this machine.

    host: The address to listen on; None keeps the endpoint's, which is 127.0.0.1 at first. key: Whether clients need
    an API key; None leaves that as it is.
    """

    host: str | None = None
    key: bool | None = None


class RequestCounter(Protocol):
    """What clients' requests to a deployment came to since the counter was made.

    times_ms: One entry a request. errors: Those that the deployment failed; a client's own faults are none.
    """

    times_ms: list[float]
    errors: int

    def look(self) -> None:
        """Count what came since the last look."""


class DatasetStore(Protocol):
    """Numbered, immutable dataset versions."""

    def all(self, name: str | None = None) -> list[DatasetVersion]:
        """All versions, or those of one dataset, newest first."""

    def find(self, selector: Selector) -> DatasetVersion:
        """One version, the latest when no number is given.

        Raises:
            BadInputError: There is none; the hint has the nearest name.
        """

    def open(self, version: DatasetVersion | DatasetEntry) -> Path:
        """A version's folder with all of its files on this machine, as far as they exist."""

    def take_in(self, new: NewPhotos, context: StepContext, progress: Progress) -> Path:
        """Store photos as a raw version without a number yet.

        Returns:
            The version's folder.
        """

    def number(self, folder: Path) -> DatasetVersion:
        """Publish a version's folder and give it its number; the same content keeps the number it has."""

    def entries(self, name: str | None = None) -> list[DatasetEntry]:
        """All numbers, newest first, whether or not their files are there and whole; for checks and clean-ups."""

    def fetch(self, entry: DatasetEntry) -> Path:
        """The folder with what the storage has of a number right now, whole or not; for checks."""

    def remove(self, entry: DatasetEntry) -> None:
        """Take a version away for good; its number goes on standing for its content and for nothing else."""

    def keeps_squares(self) -> bool:
        """Whether photos that were decoded while they were taken in spare the preprocess step that work."""

    def objects(self) -> Path | None:
        """The folder of the content store that raw versions refer to, or None when they carry their photos."""


class RunStore(Protocol):
    """Pipeline runs with step runs as children."""

    def pipeline_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> AbstractContextManager[str]:
        """Begin a pipeline run that closes with the block; yields its id."""

    def run_step(self, run_id: str, request: StepRequest, progress: Progress) -> StepOutput:
        """Run a step under a pipeline run and wait for it; its failure is raised here."""

    def recorded_step(self, run_id: str, name: str, tags: Mapping[str, str]) -> AbstractContextManager[str]:
        """Record work done in this process as a step run; yields the step run's id."""

    def find(self, run_id: str) -> Run:
        """A run with its steps.

        Raises:
            BadInputError: There is none.
        """

    def all(self, limit: int = 50, experiment: str | None = None) -> list[Run]:
        """The newest pipeline runs, newest first, with their steps."""

    def logs(self, run_id: str, step: str | None = None, *, follow: bool = False) -> Iterator[LogLine]:
        """What the steps of a run wrote, step by step; with `follow` until the run ends.

        Raises:
            BadInputError: There is no such run or step.
        """

    def wait(self, run_id: str, progress: Progress) -> Run:
        """Wait for a run's end, and say how its steps get on.

        Raises:
            BadInputError: There is none.
            RemoteError: It failed or was cancelled.
        """

    def cancel(self, run_id: str) -> Run:
        """Stop a run that is still going on; one that ended stays as it is.

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

    def open(self, model: ModelVersion) -> Path:
        """A version's bundle with all of its files on this machine.

        Raises:
            StoreIntegrityError: It is not what was registered.
        """

    def fetch(self, model: ModelVersion) -> Path:
        """The bundle as the storage has it right now, whole or not; for checks."""

    def register(self, name: str, bundle: Path, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """Store a bundle and give it the next version number."""

    def tag(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Add or change tags of a version."""

    def set_champion(self, name: str, version: int) -> None:
        """Make a version the champion and give it the next term of office: see `domain.champions`."""

    def registration(self, name: str) -> AbstractContextManager[None]:
        """Hold off other registrations of this model while the block runs."""

    def remove(self, model: ModelVersion) -> None:
        """Take a version away for good, its bundle too when no other version has it; its number is not given again."""

    def note(self, name: str, entry: AuditEntry) -> AuditEntry:
        """Add an entry to a model's history under the next number; call it while `registration` holds others off."""

    def history(self, name: str) -> list[AuditEntry]:
        """Every entry, the first one first; those of versions that are gone, too."""


class EndpointHost(Protocol):
    """Where models are served: endpoints with a blue and a green deployment."""

    def deploying(self, endpoint: str) -> AbstractContextManager[None]:
        """Hold off other deploys to this endpoint while the block runs."""

    def choose_port(self, endpoint: str, wanted: int | None) -> int | None:
        """The port for a deploy; None where the endpoint has one already, or needs none.

        Raises:
            ConflictError: Somebody else listens on the wanted one.
        """

    def start(
        self,
        endpoint: str,
        bundle_dir: Path,
        model: ModelRef,
        port: int | None = None,
        machines: Machines | None = None,
        *,
        access: Access | None = None,
        quantized: bool = False,
    ) -> Deployment:
        """Start the idle colour and wait until it is ready; traffic stays where it is.

        Raises:
            UsageError: The target cannot give that access.
            RemoteError: It did not become ready, and is gone again; the error has its last log lines.
        """

    def probe(self, endpoint: str, deployment: Deployment | None = None) -> Probe:
        """How to reach a deployment, or whatever of the endpoint has the traffic.

        Raises:
            BadInputError: There is no such endpoint.
            RemoteError: Nothing serves there.
        """

    def activate(
        self, endpoint: str, deployment: Deployment, port: int | None = None, access: Access | None = None
    ) -> Endpoint:
        """Move all traffic to a deployment that is ready; the one before stays for a rollback."""

    def split(
        self,
        endpoint: str,
        deployment: Deployment,
        percent: int,
        port: int | None = None,
        access: Access | None = None,
    ) -> Endpoint:
        """Give a deployment that is ready a share of the traffic; the active one keeps the rest.

        Raises:
            ConflictError: Nothing is active.
        """

    def requests_of(self, endpoint: str, deployment: Deployment) -> RequestCounter | None:
        """A counter of the clients' requests to a deployment; None where the target does not tell."""

    def promote(self, endpoint: str) -> Endpoint:
        """Move all traffic to the canary.

        Raises:
            ConflictError: There is none.
        """

    def discard(self, endpoint: str, deployment: Deployment) -> None:
        """Take a share of the traffic away from a deployment that never had all of it, and stop it."""

    def all(self) -> list[Endpoint]:
        """All endpoints with their deployments' real state."""

    def find(self, endpoint: str) -> Endpoint:
        """One endpoint.

        Raises:
            BadInputError: There is none; the hint has the nearest name.
        """

    def stop(self, endpoint: str) -> Endpoint:
        """Stop an endpoint and its deployments, so that nothing of it costs anything any more."""

    def delete(self, endpoint: str) -> Endpoint:
        """Stop an endpoint and remove every trace of it; gives it as it was."""

    def resume(self, endpoint: str) -> Endpoint:
        """Start again what ended of an endpoint, with the model that had the traffic."""

    def rollback(self, endpoint: str) -> Endpoint:
        """End a canary; without one, move traffic back to the deployment that had it before."""

    def key(self, endpoint: str) -> str | None:
        """The key (or token) that clients need, or None."""

    def rotate_key(self, endpoint: str, *, keep_former: bool = False) -> str:
        """Replace the key; gives the new one. keep_former: clients may go on with the old one until the next change.

        Raises:
            ConflictError: The endpoint needs no key.
        """

    def logs(self, endpoint: str, lines: int = 100) -> str:
        """The last lines of the active deployment's log."""

    def follow(self, endpoint: str, lines: int = 100) -> Iterator[str]:
        """The same, and then what is logged from now on, until the endpoint is stopped."""


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

    def unschedule(self, name: str) -> Schedule:
        """Take a schedule away.

        Raises:
            BadInputError: There is none; the hint has the nearest name.
        """


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
