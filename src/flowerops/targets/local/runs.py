"""Runs in the local MLflow ledger, steps in child processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.io.atomic import publish, staging_folder
from flowerops.io.presence import announce
from flowerops.targets.local.home import Home
from flowerops.targets.local.steps import run_child
from flowerops.targets.protocol import Run, StepOutput, StepRequest
from flowerops.tracking import Ledger, RunRecord, ui_command

OUTPUT_TAG = "flowerops.output"
_LIVE = {"train"}
"""Steps that record while they work; the others spare themselves the seconds that MLflow takes to load."""


class LocalRuns:
    """See `targets.protocol.RunStore`."""

    def __init__(self, home: Home, ledger: Ledger) -> None:
        self._home = home
        self._ledger = ledger

    @contextlib.contextmanager
    def pipeline_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """Begin a pipeline run."""
        announce(self._home.locks)
        run_id = self._ledger.start_run(experiment, name, tags, artifacts=self._home.artifacts)
        with self._ledger.running(run_id):
            yield run_id

    @contextlib.contextmanager
    def recorded_step(self, run_id: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """Record work of this process."""
        announce(self._home.locks)
        parent = self._record(run_id)
        inherited = {key: value for key, value in parent.tags.items() if not key.startswith("flowerops.")}
        child = self._ledger.start_run(parent.experiment, name, {**inherited, **tags}, parent_id=run_id)
        with self._ledger.running(child):
            yield child

    def run_step(self, run_id: str, request: StepRequest, progress: Progress) -> StepOutput:
        """Run a step in a child process, which tells of its progress itself, and publish its folder."""
        del progress
        folder = self._home.run_folder(run_id)
        with self.recorded_step(run_id, request.name, {}) as step_id, staging_folder(folder) as out:
            for ref in request.datasets:
                self._ledger.log_dataset(step_id, ref.name, ref.digest, f"{ref.name}:{ref.version or ''}", request.name)
            live = {"MLFLOW_TRACKING_URI": self._ledger.uri, "MLFLOW_RUN_ID": step_id}
            log = folder / "logs" / f"{request.name}-{step_id[:8]}.log"
            recorded = run_child(request, out, log, live if request.name in _LIVE else {})
            self._ledger.log(step_id, recorded)
            place = folder / f"{request.name}-{step_id[:8]}"
            publish(out, place)
            self._ledger.set_tags(step_id, {OUTPUT_TAG: place.name})
        return StepOutput(step_id, place)

    def find(self, run_id: str) -> Run:
        """A run with its steps."""
        return self._with_steps(self._record(run_id))

    def latest(self, tags: Mapping[str, str]) -> Run | None:
        """The newest pipeline run with these tags."""
        for record in self._ledger.runs_with(tags):
            if record.parent_id is None:
                return self._with_steps(record)
        return None

    def output(self, run: Run, step: str) -> StepOutput | None:
        """The newest finished step's folder."""
        for child in reversed(run.steps):
            name = child.tags.get(OUTPUT_TAG)
            if child.name == step and child.status == "FINISHED" and name:
                return StepOutput(child.id, self._home.run_folder(run.id) / name)
        return None

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Add tags."""
        self._ledger.set_tags(run_id, tags)

    def cache(self) -> Path:
        """Features and converted backbones."""
        return self._home.cache

    def ui_command(self, port: int) -> tuple[list[str], Mapping[str, str]]:
        """MLflow's own server on this ledger."""
        return ui_command(self._ledger.uri, self._home.artifacts, port)

    def _record(self, run_id: str) -> RunRecord:
        record = self._ledger.run(run_id)
        if record is None:
            raise BadInputError(f"there is no run {run_id!r}", "See the runs with: flowerops ui")
        return record

    def _with_steps(self, record: RunRecord) -> Run:
        steps = [_run(child) for child in self._ledger.children(record.id)]
        return _run(record, steps)


def _run(record: RunRecord, steps: list[Run] | None = None) -> Run:
    return Run(
        id=record.id,
        experiment=record.experiment,
        name=record.name,
        status=record.status,
        started_ms=record.started_ms,
        ended_ms=record.ended_ms,
        tags=record.tags,
        metrics=record.metrics,
        steps=steps or [],
    )
