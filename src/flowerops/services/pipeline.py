"""A pipeline run in progress: what the services of its steps share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import RunRef, VersionRef
from flowerops.domain.documents import Document
from flowerops.domain.progress import Progress
from flowerops.domain.steps import StepContext
from flowerops.targets.protocol import Checkpointing, StepOutput, StepRequest, Target

RUN_TYPE = "run_type"


@dataclass(frozen=True)
class Caller:
    """Who asks: the build, the code, and the listener to progress."""

    build: BuildInfo
    code: CodeInfo
    progress: Progress

    def tags(self) -> dict[str, str]:
        """The tags that every run and model version of this caller carries."""
        tags = {"BuildId": self.build.id, "BuildUri": self.build.uri or "", "build_kind": self.build.kind}
        return tags | {"git_commit": self.code.commit or "", "git_dirty": str(self.code.dirty).lower()}


@dataclass
class Pipeline:
    """One pipeline run on a target."""

    target: Target
    caller: Caller
    run_id: str
    experiment: str
    seconds: dict[str, float] = field(default_factory=dict)

    def context(self, raw: VersionRef | None = None, processed: VersionRef | None = None) -> StepContext:
        """What a step is told of its surroundings."""
        run = RunRef(id=self.run_id, experiment=self.experiment)
        return StepContext(run=run, build=self.caller.build, code=self.caller.code, raw=raw, processed=processed)

    def step(
        self,
        name: str,
        params: Document,
        context: StepContext,
        inputs: Mapping[str, Path | Sequence[Path] | None],
        values: Mapping[str, str] | None = None,
        checkpoints: Checkpointing = "resume",
    ) -> StepOutput:
        """Run a step and wait for it."""
        datasets = [ref for ref in (context.raw, context.processed) if ref is not None]
        request = StepRequest(name, inputs, params, context, datasets, values or {}, checkpoints)
        output = self.target.runs.run_step(self.run_id, request, self.caller.progress)
        self.run_id = output.pipeline_id or self.run_id
        return output

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags to the pipeline run."""
        self.target.runs.tag(self.run_id, tags)


@contextlib.contextmanager
def begin(target: Target, caller: Caller, experiment: str, run_type: str) -> Iterator[Pipeline]:
    """Begin a pipeline run that ends with the block."""
    tags = caller.tags() | {RUN_TYPE: run_type, "experiment_name": experiment}
    with target.runs.pipeline_run(experiment, run_type, tags) as run_id:
        yield Pipeline(target, caller, run_id, experiment)
