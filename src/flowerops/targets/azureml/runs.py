"""Pipeline runs of a workspace: each submission is a pipeline job, and its steps are the job's children."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flowerops.domain.detached import RunDetachedError
from flowerops.domain.progress import Progress, SilentProgress
from flowerops.domain.steps import OUTPUT_MANIFEST
from flowerops.errors import BadInputError, RemoteError, UsageError
from flowerops.io.parallel import bounded_map
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.jobs import Job, Jobs, StepState
from flowerops.targets.azureml.mirror import Place
from flowerops.targets.azureml.requests import Wirer, Wiring
from flowerops.targets.azureml.run_view import recorded_tag, run_of
from flowerops.targets.azureml.submit import RUN_TAG, Submitter
from flowerops.targets.azureml.watch import Watcher
from flowerops.targets.protocol import LogLine, Run, StepOutput, StepRequest

_THREADS = 8


class AzureRuns:
    """See `targets.protocol.RunStore`. A run's id is the name of its first job; further jobs name it in a tag."""

    def __init__(self, client: AzureClient, jobs: Jobs, wirer: Wirer, submitter: Submitter) -> None:
        self._client = client
        self._mirror = wirer.mirror
        self._datasets = wirer.datasets
        self._jobs = jobs
        self._wirer = wirer
        self._submitter = submitter
        self._waiting_tags: dict[str, dict[str, str]] = {}
        self._experiments: dict[str, str] = {}

    @contextlib.contextmanager
    def pipeline_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """Choose the run's id; the workspace hears of it with the first job."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run_id = f"{name}-{stamp}-{secrets.token_hex(3)}"
        self._waiting_tags[run_id] = dict(tags)
        self._experiments[run_id] = experiment
        yield run_id

    def run_step(self, run_id: str, request: StepRequest, progress: Progress) -> StepOutput:
        """Submit a pipeline of one step, or find the one that an earlier command submitted, and wait for it."""
        name = self._job_name(run_id, request.name)
        wiring = self._wirer.wire(request, name, progress)
        job, owner = self._run(run_id, request.name, name, wiring, progress)
        state = self._finished_step(job.name, request.name)
        if request.name == "preprocess":
            made = self._wirer.place_of_output("preprocess", job.name, wiring.outputs["processed"].asset)
            return StepOutput(state.run_id, self._datasets.documents(made), owner)
        return StepOutput(state.run_id, self._bring(self._place(job.name, request.name), progress), owner)

    def run_job(self, run_id: str, pipeline: str, wiring: Callable[[str], Wiring], progress: Progress) -> str:
        """Submit a pipeline of several steps, or find the one that an earlier command submitted, and wait for it.

        Args:
            run_id: Of the pipeline run.
            pipeline: Stem of its file.
            wiring: Makes its wiring from the job's name.
            progress: Told of the steps.

        Returns:
            The run that the job belongs to.
        """
        name = self._job_name(run_id, pipeline)
        return self._run(run_id, pipeline, name, wiring(name), progress)[1]

    def _run(self, run_id: str, pipeline: str, name: str, wiring: Wiring, progress: Progress) -> tuple[Job, str]:
        tags = {**self._waiting_tags.get(run_id, {}), RUN_TAG: run_id}
        job = self._submitter.submit(pipeline, name, self._experiment(run_id), wiring, tags, progress)
        owner = self._settle(run_id, job)
        if not self._submitter.waits(pipeline):
            raise RunDetachedError(owner, self._client.studio(job.name))
        Watcher(self._jobs, job.name, progress, self._client.studio(job.name)).wait()
        self._submitter.collected(job)
        return job, owner

    def _job_name(self, run_id: str, what: str) -> str:
        """The run's first job has the run's name."""
        return run_id if run_id in self._waiting_tags else f"{run_id}-{what}-{secrets.token_hex(2)}"

    def _settle(self, run_id: str, job: Job) -> str:
        """The run that a job belongs to; from now on its tags go to the workspace."""
        owner = job.tags.get(RUN_TAG, job.name)
        self._waiting_tags.pop(run_id, None)
        self._experiments.setdefault(owner, self._experiments.get(run_id, ""))
        return owner

    @contextlib.contextmanager
    def recorded_step(self, run_id: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """Record work of this process as a tag of the run: the workspace has no runs that are no jobs."""
        place = f"{name}.{tags['model']}" if "model" in tags else name  # a run can be registered under several names
        step_id = f"{run_id}.{place}"
        record = {"started_ms": _now_ms(), "ended_ms": None, "status": "RUNNING", "tags": dict(tags)}
        self._note(run_id, place, record)
        try:
            yield step_id
        except BaseException as failure:
            killed = isinstance(failure, KeyboardInterrupt | SystemExit)
            with contextlib.suppress(Exception):  # what went wrong first is what the user must hear of
                self._note(run_id, place, {**record, "ended_ms": _now_ms(), "status": "KILLED" if killed else "FAILED"})
            raise
        record["tags"] = {**tags, **self._waiting_tags.pop(step_id, {})}
        self._note(run_id, place, {**record, "ended_ms": _now_ms(), "status": "FINISHED"})

    def find(self, run_id: str) -> Run:
        """A run with its steps, those of its further jobs and the recorded ones among them."""
        job = self._jobs.get(run_id)
        owner = job.tags.get(RUN_TAG)
        if owner is not None and owner != job.name:
            job = self._jobs.get(owner)
        return self._with_steps(job, self._further(job.name))

    def with_records(self, run: Run) -> Run:
        """Ask the workspace's MLflow for each step run of a job."""
        steps = bounded_map(self._with_record, run.steps, workers=_THREADS, batch=1)
        return replace(run, steps=list(steps))

    def _with_record(self, step: Run) -> Run:
        if "." in step.id:  # work of another process, which MLflow knows not of
            return step
        params, metrics = self._jobs.recorded(step.id)
        return replace(step, params=params, metrics=metrics)

    def all(self, limit: int = 50, experiment: str | None = None) -> list[Run]:
        """The newest runs."""
        jobs = self._jobs.recent(10_000)
        roots = [job for job in jobs if job.tags.get(RUN_TAG, job.name) == job.name]
        chosen = [job for job in roots if experiment in (None, job.experiment)][:limit]

        def with_steps(job: Job) -> Run:
            return self._with_steps(job, [one for one in jobs if _belongs(one, job)])

        return list(bounded_map(with_steps, chosen, workers=_THREADS, batch=1))

    def latest(self, tags: Mapping[str, str]) -> Run | None:
        """The newest run with these tags."""

        def has(job: Job) -> bool:
            return job.status == "Completed" and all(job.tags.get(key) == text for key, text in tags.items())

        found = self._jobs.recent(1, has)
        return self.find(found[0].name) if found else None

    def logs(self, run_id: str, step: str | None = None, *, follow: bool = False) -> Iterator[LogLine]:
        """Lines of the run's jobs, one job after the other."""
        run = self.find(run_id)
        known = [one.name for one in run.steps]
        if step is not None and step not in known:
            raise BadInputError(f"run {run.id} has no step {step!r}", f"It has {', '.join(known) or 'none yet'}.")
        for job in [self._jobs.get(run.id), *reversed(self._further(run.id))]:
            watcher = Watcher(self._jobs, job.name, SilentProgress(), "")
            for name, line in watcher.lines(follow=follow):
                if step in (None, name):
                    yield LogLine(name, line)

    def wait(self, run_id: str, progress: Progress) -> Run:
        """Wait for all jobs of a run."""
        run = self.find(run_id)
        for job in [self._jobs.get(run.id), *reversed(self._further(run.id))]:
            Watcher(self._jobs, job.name, progress, self._client.studio(job.name)).wait()
        return self.find(run.id)

    def cancel(self, run_id: str) -> Run:
        """Cancel the jobs of a run that still go on."""
        run = self.find(run_id)
        for job in [self._jobs.get(run.id), *self._further(run.id)]:
            if not job.ended:
                self._jobs.cancel(job.name)
        return self.find(run.id)

    def output(self, run: Run, step: str) -> StepOutput | None:
        """The newest finished step's folder."""
        jobs = [*self._further(run.id), self._jobs.get(run.id)]
        for job in jobs:
            for state in reversed(self._jobs.steps(job.name)):
                if state.name == step and state.status == "Completed":
                    place = self._place(job.name, step, state.run_id)
                    return StepOutput(state.run_id, self._mirror.bring(place, f"downloading {step}"))
        return None

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Add tags, at once or together with the job that is yet to be submitted."""
        if run_id in self._waiting_tags or "." in run_id:
            self._waiting_tags.setdefault(run_id, {}).update(tags)
        else:
            self._jobs.tag(run_id, tags)

    def cache(self) -> Path:
        """The datastore's folder for features; jobs mount it."""
        return self._mirror.path_of(self._mirror.place("cache"))

    def ui_command(self, port: int) -> tuple[list[str], Mapping[str, str]]:
        """None: the workspace has a page of its own."""
        raise UsageError(
            "the azureml target has no page on this machine", f"Open Azure ML studio: {self._client.studio('')}"
        )

    # --- parts ----------------------------------------------------------------------------------------------------

    def _experiment(self, run_id: str) -> str:
        return self._experiments.get(run_id) or self._jobs.get(run_id).experiment

    def _finished_step(self, job: str, step: str) -> StepState:
        found = [state for state in self._jobs.steps(job) if state.name == step and state.status == "Completed"]
        if not found:
            raise RemoteError(f"run {job} ended without its step {step}", f"See {self._client.studio(job)}")
        return found[-1]

    def _place(self, job: str, step: str, child: str | None = None) -> Place:
        """Where a step's folder lies: below the job's name, or below the step run's for jobs that others submitted."""
        own = self._wirer.place_of_output(step, job)
        if child is None or OUTPUT_MANIFEST in self._mirror.blobs(own.datastore).sizes(own.path):
            return own
        return self._wirer.place_of_output(step, child)

    def _bring(self, place: Place, progress: Progress) -> Path:
        return self._mirror.bring(place, "downloading the result", progress)

    def _further(self, run_id: str) -> list[Job]:
        """Further jobs of a run, newest first."""
        return self._jobs.recent(100, lambda job: job.name != run_id and job.tags.get(RUN_TAG) == run_id)

    def _note(self, run_id: str, place: str, record: Mapping[str, object]) -> None:
        self._jobs.tag(run_id, recorded_tag(place, record))

    def _with_steps(self, job: Job, further: list[Job]) -> Run:
        states = [(state, one.experiment) for one in (job, *further) for state in self._jobs.steps(one.name)]
        return run_of(job, further, states)


def _belongs(job: Job, root: Job) -> bool:
    return job.name != root.name and job.tags.get(RUN_TAG) == root.name


def _now_ms() -> int:
    return int(time.time() * 1000)
