"""Runs in the local MLflow ledger, steps in child processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from flowerops.domain.progress import Progress, aside
from flowerops.errors import BadInputError, RemoteError
from flowerops.io.atomic import publish, staging_folder
from flowerops.io.presence import announce
from flowerops.targets.local.checkpoints import claim_checkpoints, remove_checkpoints
from flowerops.targets.local.home import Home
from flowerops.targets.local.logs import POLL_S, chosen_steps, log_file, read_logs
from flowerops.targets.local.owners import is_dead, owner_of, owner_tag, stop
from flowerops.targets.local.steps import run_child
from flowerops.targets.protocol import LogLine, Run, StepOutput, StepRequest
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
        run_id = self._ledger.start_run(experiment, name, {**tags, **owner_tag()}, artifacts=self._home.artifacts)
        with self._ledger.running(run_id):
            yield run_id

    @contextlib.contextmanager
    def recorded_step(self, run_id: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """Record work of this process."""
        announce(self._home.locks)
        parent = self._record(run_id)
        inherited = {key: value for key, value in parent.tags.items() if not key.startswith("flowerops.")}
        said = {**inherited, **tags, **owner_tag()}
        child = self._ledger.start_run(parent.experiment, name, said, parent_id=run_id)
        with self._ledger.running(child):
            yield child

    def run_step(self, run_id: str, request: StepRequest, progress: Progress) -> StepOutput:
        """Run a step in a child process, which tells of its progress itself, and publish its folder."""
        checkpoints = None
        if request.name == "train" and request.checkpoints != "none":
            checkpoints = claim_checkpoints(self._home, request)
        request = replace(request, inputs={**request.inputs, "checkpoints": checkpoints})
        folder = self._home.run_folder(run_id)
        with self.recorded_step(run_id, request.name, {}) as step_id, staging_folder(folder) as out:
            for ref in request.datasets:
                self._ledger.log_dataset(step_id, ref.name, ref.digest, f"{ref.name}:{ref.version or ''}", request.name)
            live = {"MLFLOW_TRACKING_URI": self._ledger.uri, "MLFLOW_RUN_ID": step_id}
            log = log_file(folder, request.name, step_id)
            with aside(progress):
                recorded = run_child(request, out, log, live if request.name in _LIVE else {})
            self._ledger.log(step_id, recorded)
            place = folder / f"{request.name}-{step_id[:8]}"
            publish(out, place)
            self._ledger.set_tags(step_id, {OUTPUT_TAG: place.name})
            if checkpoints is not None:
                remove_checkpoints(checkpoints)
        return StepOutput(step_id, place)

    def find(self, run_id: str) -> Run:
        """A run with its steps."""
        return self._with_steps(self._record(run_id))

    def with_records(self, run: Run) -> Run:
        """The run itself: the ledger gives all at once."""
        return run

    def all(self, limit: int = 50, experiment: str | None = None) -> list[Run]:
        """The newest pipeline runs."""
        return [self._with_steps(record) for record in self._ledger.pipeline_runs(limit, experiment)]

    def logs(self, run_id: str, step: str | None = None, *, follow: bool = False) -> Iterator[LogLine]:
        """The lines in the steps' log files."""
        chosen_steps(self.find(run_id), step)
        return read_logs(lambda: self.find(run_id), self._home.run_folder(run_id), step, follow=follow)

    def wait(self, run_id: str, progress: Progress) -> Run:
        """Look at the ledger, which the run's own process writes, until the run has ended."""
        told: dict[str, str] = {}
        while True:
            run = self.find(run_id)
            for step in run.steps:
                if told.get(step.id) != step.status:
                    told[step.id] = step.status
                    progress.message(f"{step.name}: {step.status.lower()}")
            if run.status != "RUNNING":
                return _finished(run)
            time.sleep(POLL_S)

    def cancel(self, run_id: str) -> Run:
        """Stop the process that works on the run, and close what it could not close."""
        run = self.find(run_id)
        owner = owner_of(run.tags)
        if run.status == "RUNNING" and owner is not None:
            stop(owner)
        if run.status == "RUNNING" or run.abandoned:
            for record in (*self._ledger.children(run_id), self._record(run_id)):
                if record.status == "RUNNING":
                    self._ledger.end_run(record.id, ok=False, killed=True)
        return self.find(run_id)

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
            raise BadInputError(f"there is no run {run_id!r}", "See the runs with: flowerops runs list")
        return record

    def _with_steps(self, record: RunRecord) -> Run:
        steps = [self._observed(child) for child in self._ledger.children(record.id)]
        return replace(self._observed(record), steps=steps)

    def _observed(self, record: RunRecord) -> Run:
        """A run as it really is: one whose process is gone goes on in the ledger only."""
        if record.status == "RUNNING" and is_dead(owner_of(record.tags)):
            record = self._ledger.run(record.id) or record  # it may have ended properly meanwhile
            if record.status == "RUNNING":
                return replace(_run(record), status="KILLED", abandoned=True)
        return _run(record)


def _finished(run: Run) -> Run:
    """The run when all went well.

    Raises:
        RemoteError: Something did not.
    """
    if run.status == "FINISHED":
        return run
    failed = next((step for step in reversed(run.steps) if step.status in ("FAILED", "KILLED")), None)
    where = f" in step {failed.name}" if failed else ""
    how = {"FAILED": "failed", "KILLED": "was cancelled"}[run.status]
    if run.abandoned:
        how = f"was abandoned: {owner_of(run.tags)} is gone"
    details = {"run_id": run.id, "status": run.status, "step": failed.name if failed else None}
    raise RemoteError(f"run {run.id} {how}{where}", f"See: flowerops runs logs {run.id}", details)


def _run(record: RunRecord) -> Run:
    return Run(
        id=record.id,
        experiment=record.experiment,
        name=record.name,
        status=record.status,
        started_ms=record.started_ms,
        ended_ms=record.ended_ms,
        tags=record.tags,
        metrics=record.metrics,
        params=record.params,
    )
