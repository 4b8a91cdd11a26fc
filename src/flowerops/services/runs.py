"""runs: what ran, what it wrote, waiting for it, and stopping it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, FlowerOpsError, RemoteError
from flowerops.services.pipeline import RUN_TYPE
from flowerops.targets.protocol import LogLine, Run, Target

LATEST = "latest"
_LAST_LINES = 15
_INTERNAL = "flowerops."


def list_runs(target: Target, limit: int, experiment: str | None = None) -> list[dict[str, Any]]:
    """The newest pipeline runs, newest first."""
    return [_line(run) for run in target.runs.all(limit, experiment)]


def show_run(target: Target, run_id: str) -> dict[str, Any]:
    """One run with its steps, and what each recorded.

    Raises:
        BadInputError: There is no such run.
    """
    return run_document(target.runs.with_records(find_run(target, run_id)))


def run_logs(target: Target, run_id: str, step: str | None, *, follow: bool) -> tuple[str, Iterator[LogLine]]:
    """A run's id and its steps' lines.

    Raises:
        BadInputError: There is no such run or step.
    """
    run = find_run(target, run_id)
    return run.id, target.runs.logs(run.id, step, follow=follow)


def wait_for(target: Target, run_id: str, progress: Progress) -> Run:
    """Wait for a run's end.

    Raises:
        BadInputError: There is no such run.
        RemoteError: It failed or was cancelled; the last lines of the step at fault are told, and in the details.
    """
    run = find_run(target, run_id)
    try:
        return target.runs.wait(run.id, progress)
    except RemoteError as error:
        lines = _last_lines(target, run.id)
        for line in lines:
            progress.message(f"{line.step}: {line.text}")
        error.details.setdefault("log", [line.text for line in lines])
        raise


def cancel(target: Target, run_id: str) -> tuple[Run, bool]:
    """Stop a run.

    Returns:
        The run, and whether it was going on.

    Raises:
        BadInputError: There is no such run.
        ConflictError: It cannot be stopped from here.
    """
    run = find_run(target, run_id)
    return target.runs.cancel(run.id), is_going_on(run)


def is_going_on(run: Run) -> bool:
    """Whether there is something to cancel: it runs, or never said that it ended."""
    return run.status == "RUNNING" or run.abandoned


def find_run(target: Target, run_id: str) -> Run:
    """A run by its id, or the newest one by the word `latest`.

    Raises:
        BadInputError: There is none.
    """
    if run_id != LATEST:
        return _by_id(target, run_id)
    newest = target.runs.all(limit=1)
    if not newest:
        raise BadInputError("there is no run yet", "Make one with: flowerops run --data-folder DIR")
    return newest[0]


def recorded_run(target: Target, run_id: str | None) -> Run | None:
    """The run behind a model; None where it has none, and where that is not recorded here or cannot be asked for."""
    try:
        return target.runs.find(run_id) if run_id else None
    except FlowerOpsError:
        return None


def _by_id(target: Target, run_id: str) -> Run:
    """A run by its whole id; for the beginning of one, or a misspelt one, the error names the run that was meant."""
    try:
        return target.runs.find(run_id)
    except BadInputError as error:
        known = [run.id for run in target.runs.all()]
        near = [known_id for known_id in known if known_id.startswith(run_id)] or get_close_matches(run_id, known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else error.hint
        raise BadInputError(error.message, hint, error.details) from error


def run_document(run: Run) -> dict[str, Any]:
    """A run in full."""
    steps = [run_document(step) for step in run.steps]
    said = {key: value for key, value in sorted(run.tags.items()) if not key.startswith(_INTERNAL)}
    return {**_line(run), "params": dict(run.params), "metrics": dict(run.metrics), "tags": said, "steps": steps}


def _line(run: Run) -> dict[str, Any]:
    seconds = round((run.ended_ms - run.started_ms) / 1000, 3) if run.ended_ms else None
    return {
        "id": run.id,
        "experiment": run.experiment,
        "name": run.name,
        "run_type": run.tags.get(RUN_TYPE),
        "status": run.status,
        "abandoned": run.abandoned,
        "started": _time(run.started_ms),
        "ended": _time(run.ended_ms) if run.ended_ms else None,
        "seconds": seconds,
        "dataset": run.tags.get("dataset_id"),
        "build_id": run.tags.get("BuildId"),
        "steps": [{"name": step.name, "status": step.status} for step in run.steps],
    }


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def _last_lines(target: Target, run_id: str) -> list[LogLine]:
    """Of the step at fault; that they cannot be had must not hide the failure itself."""
    try:
        run = target.runs.find(run_id)
        step = next((one.name for one in reversed(run.steps) if one.status in ("FAILED", "KILLED")), None)
        return list(target.runs.logs(run_id, step))[-_LAST_LINES:] if step else []
    except FlowerOpsError:
        return []
