"""Pipeline jobs: submit, look at, cancel and tag them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from flowerops.errors import BadInputError, FlowerOpsError
from flowerops.targets.azureml.client import AzureClient
from flowerops.targets.azureml.code_upload import with_code
from flowerops.targets.azureml.errors import translating
from flowerops.targets.azureml.orders import JobOrder
from flowerops.targets.azureml.words import plain

ENDED = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED", "NotResponding": "FAILED"}
"""Azure's words for runs that ended, and ours."""
_LOOKED_AT = 200
"""How many jobs, newest first, are looked through when one is searched by its tags."""


@dataclass(frozen=True)
class Job:
    """A pipeline job. status: in Azure's words. created_ms: ms since 1970, UTC."""

    name: str
    experiment: str
    display_name: str
    status: str
    created_ms: int
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in ENDED


@dataclass(frozen=True)
class StepState:
    """A step run of a job; times in ms since 1970, UTC."""

    run_id: str
    name: str
    status: str
    started_ms: int | None
    ended_ms: int | None
    message: str | None = None


class Jobs:
    """The workspace's pipeline jobs."""

    def __init__(self, client: AzureClient) -> None:
        self._client = client

    def submit(self, order: JobOrder) -> Job:
        """Submit a job; the same name again gives the job that is there."""
        from flowerops.targets.azureml.pipelines import build_job

        what = f"submit the pipeline {order.pipeline}"
        return _job(with_code(what, lambda: self._client.ml.jobs.create_or_update(build_job(order))))

    def get(self, name: str) -> Job:
        """One job.

        Raises:
            BadInputError: There is none.
        """
        from azure.core.exceptions import ResourceNotFoundError

        with translating(f"look at run {name}"):
            try:
                return _job(self._client.ml.jobs.get(name))
            except ResourceNotFoundError as error:
                raise BadInputError(f"there is no run {name!r}", "See the runs with: flowerops runs list") from error

    def recent(self, limit: int, wanted: Callable[[Job], bool] = lambda job: True) -> list[Job]:
        """The newest pipeline jobs that are wanted, newest first, among the last few hundred."""
        with translating("list the runs"):
            listed = islice(self._client.ml.jobs.list(), _LOOKED_AT)
            jobs = [_job(found) for found in listed if found.type == "pipeline"]
        chosen = sorted((job for job in jobs if wanted(job)), key=lambda job: -job.created_ms)
        return chosen[:limit]

    def steps(self, name: str) -> list[StepState]:
        """The step runs of a job, oldest first."""
        found = self._client.history(f"runs/{name}/children").get("value") or []
        steps = [_step(one) for one in found]
        return sorted(steps, key=lambda step: step.started_ms or 2**62)

    def log_files(self, run_id: str) -> dict[str, str]:
        """Signed addresses of a step run's own log files, by name."""
        files: dict[str, str] = self._client.history(f"runs/{run_id}/details").get("logFiles") or {}
        return {name: url for name, url in sorted(files.items()) if name.startswith("user_logs/")}

    def read(self, url: str, start: int) -> bytes:
        """Bytes of a log file from an offset on."""
        return self._client.read_url(url, start)

    def failure(self, run_id: str) -> str | None:
        """What the service says of a failed run."""
        error = (self._client.history(f"runs/{run_id}/details").get("error") or {}).get("error") or {}
        return str(error["message"]) if error.get("message") else None

    def recorded(self, run_id: str) -> tuple[dict[str, str], dict[str, float]]:
        """The params and the last value of each metric of a step run.

        None where MLflow does not tell, for a run that it does not know, say: that must not hide the run itself.
        """
        try:
            data = self._client.recorded(run_id)
        except FlowerOpsError:
            return {}, {}
        params = {str(one["key"]): str(one["value"]) for one in data.get("params") or []}
        return params, {str(one["key"]): float(one["value"]) for one in data.get("metrics") or []}

    def cancel(self, name: str) -> None:
        """Stop a job."""
        with translating(f"cancel run {name}"):
            self._client.ml.jobs.begin_cancel(name).result()

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Add tags to a job or to a step run."""
        self._client.history(f"runs/{run_id}", "PATCH", {"runId": run_id, "tags": dict(tags)})


def _job(found: Any) -> Job:
    created = getattr(getattr(found, "creation_context", None), "created_at", None)
    return Job(
        name=str(found.name),
        experiment=str(found.experiment_name or ""),
        display_name=str(found.display_name or found.name),
        status=plain(found.status) or "NotStarted",
        created_ms=int(created.timestamp() * 1000) if created else 0,
        tags={key: str(value) for key, value in (found.tags or {}).items()},
    )


def _step(found: Mapping[str, Any]) -> StepState:
    error = (found.get("error") or {}).get("error") or {}
    return StepState(
        run_id=str(found["runId"]),
        name=str(found.get("displayName") or found["runId"]),
        status=str(found["status"]),
        started_ms=_ms(found.get("startTimeUtc")),
        ended_ms=_ms(found.get("endTimeUtc")),
        message=error.get("message"),
    )


def _ms(text: str | None) -> int | None:
    """Azure writes up to seven digits of a second; Python reads six."""
    if not text:
        return None
    head, dot, rest = text.replace("Z", "+00:00").partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        rest = rest[len(digits) :]
        head += f".{digits[:6]}"
    return int(datetime.fromisoformat(head + rest).timestamp() * 1000)
