"""Pipeline runs with step runs as children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from flowerops.domain.bundle import VersionRef
from flowerops.domain.documents import Document
from flowerops.domain.progress import Progress
from flowerops.domain.steps import StepContext

Checkpointing = Literal["resume", "fresh", "none"]
"""What a training does with checkpoints, see `StepRequest`."""


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


class RunStore(Protocol):
    """Pipeline runs with step runs as children."""

    def pipeline_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> AbstractContextManager[str]:
        """Begin a pipeline run that closes with the block; yields its id."""

    def run_step(self, run_id: str, request: StepRequest, progress: Progress) -> StepOutput:
        """Run a step under a pipeline run and wait for it; its failure is raised here."""

    def recorded_step(self, run_id: str, name: str, tags: Mapping[str, str]) -> AbstractContextManager[str]:
        """Record work done in this process as a step run; yields the step run's id."""

    def find(self, run_id: str) -> Run:
        """A run with its steps; what they recorded may be left out, see `with_records`.

        Raises:
            BadInputError: There is none.
        """

    def with_records(self, run: Run) -> Run:
        """The run with the params and metrics of its steps, where `find` leaves them out."""

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
