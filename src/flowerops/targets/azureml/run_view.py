"""From jobs, their step runs and the tags of work done elsewhere to our runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from flowerops.targets.azureml.jobs import ENDED, Job, StepState
from flowerops.targets.protocol import Run

_STEP_TAG = "flowerops.step."
_OURS = "flowerops."


def recorded_tag(place: str, record: Mapping[str, object]) -> dict[str, str]:
    """The tag that makes `run_of` show a step which was no job.

    Args:
        place: The step's name; where a run can have several of that name, with `.` and what tells them apart.
        record: `status`, `started_ms`, `ended_ms` and `tags` of the step, as in `Run`.
    """
    return {f"{_STEP_TAG}{place}": json.dumps(record)}


def run_of(job: Job, further: Iterable[Job], states: Iterable[tuple[StepState, str]]) -> Run:
    """A run with its steps, the first one first.

    Args:
        job: Its first job, which has its tags.
        further: Its other jobs.
        states: The step runs of all of them, each with its experiment.
    """
    steps = [_step(state, experiment) for state, experiment in states]
    steps += [_recorded(job, key, text) for key, text in job.tags.items() if key.startswith(_STEP_TAG)]
    steps.sort(key=lambda step: step.started_ms or 2**62)
    ended = max((step.ended_ms or 0 for step in steps), default=0)
    status = ENDED.get(job.status, "RUNNING")
    if any(not one.ended for one in further):
        status = "RUNNING"
    return Run(
        id=job.name,
        experiment=job.experiment,
        name=job.tags.get("run_type", job.display_name),
        status=status,
        started_ms=job.created_ms,
        ended_ms=ended if status != "RUNNING" and ended else None,
        tags={key: text for key, text in job.tags.items() if not key.startswith(_OURS)},
        steps=steps,
    )


def _step(state: StepState, experiment: str) -> Run:
    return Run(
        id=state.run_id,
        experiment=experiment,
        name=state.name,
        status=ENDED.get(state.status, "RUNNING"),
        started_ms=state.started_ms or 0,
        ended_ms=state.ended_ms,
    )


def _recorded(job: Job, key: str, text: str) -> Run:
    record = json.loads(text)
    place = key.removeprefix(_STEP_TAG)
    return Run(
        id=f"{job.name}.{place}",
        experiment=job.experiment,
        name=place.partition(".")[0],
        status=record["status"],
        started_ms=record["started_ms"],
        ended_ms=record["ended_ms"],
        tags=record["tags"],
    )
