"""pipelines: retraining by itself, behind an address that a pipeline of somebody else can call, and on a schedule."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.names import did_you_mean
from flowerops.domain.params import (
    EvaluateParams,
    GatePolicy,
    Mode,
    PreprocessParams,
    RegisterParams,
    TrainParams,
)
from flowerops.domain.steps import StepContext
from flowerops.errors import BadInputError, UsageError
from flowerops.services.pipeline import RUN_TYPE, Caller
from flowerops.services.retraining_names import check_schedule, version_of
from flowerops.targets.protocol import (
    ModelVersion,
    PipelineHost,
    PublishedPipeline,
    Retraining,
    Run,
    Schedule,
    Target,
    TrainingParams,
)

RETRAIN = "retrain"


@dataclass(frozen=True)
class RetrainRequest:
    """What a retraining does each time: see `targets.protocol.Retraining`."""

    experiment: str
    dataset: str
    mode: Mode | None
    preprocess: PreprocessParams
    train: TrainParams
    evaluate: EvaluateParams
    register: RegisterParams
    policy: GatePolicy


def publish(
    target: Target, name: str, version: str | None, request: RetrainRequest, caller: Caller
) -> PublishedPipeline:
    """Put the retraining pipeline behind an address.

    Args:
        target: Where.
        name: Of the address.
        version: Of the pipeline; None takes the build's, see `version_of`.
        request: What it does.
        caller: Who publishes it; every model that it trains names this build.

    Raises:
        UsageError: This target has no pipelines, or the version is none.
        ConflictError: The version was published with another content.
    """
    host = _host(target)
    return host.publish(name, version_of(version, caller), _retraining(request, caller), caller.progress)


def check(target: Target) -> None:
    """Refuse a target that has no pipelines.

    Raises:
        UsageError: It has none.
    """
    _host(target)


def publish_plan(name: str, version: str | None, request: RetrainRequest, caller: Caller) -> dict[str, Any]:
    """What `publish` would do, without asking the workspace."""
    return {"name": name, "version": version_of(version, caller), "retraining": described(request)}


def listed(target: Target) -> list[dict[str, Any]]:
    """What was published and what is scheduled, as documents with a member `kind`."""
    host = _host(target)
    published = [{"kind": "pipeline", **asdict(found)} for found in host.published()]
    return [*published, *({"kind": "schedule", **asdict(found)} for found in host.schedules())]


def trigger(target: Target, name: str, data: Path | str, caller: Caller) -> str:
    """Retrain now; gives the run's id and waits for nothing.

    Raises:
        UsageError: This target has no pipelines.
        BadInputError: Nothing is published, or there are no photos.
    """
    return _host(target).trigger(name, data, caller.progress)


@dataclass(frozen=True)
class Retrained:
    """A retraining that ended. model: what it registered; None when the gate said no."""

    run: Run
    model: ModelVersion | None

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        model = self.model
        return {
            "run_id": self.run.id,
            "status": self.run.status,
            "steps": [{"name": step.name, "status": step.status} for step in self.run.steps],
            "model": model.ref.model_dump() if model else None,
            "champion": bool(model and model.champion),
        }


def follow(target: Target, run_id: str, model: str, caller: Caller) -> Retrained:
    """Wait for a retraining, and find the model version that it registered.

    Raises:
        RemoteError: A step failed.
    """
    run = target.runs.wait(run_id, caller.progress)
    found = [version for version in target.models.versions(model) if version.run_id == run.id]
    return Retrained(run, found[0] if found else None)


def schedule(
    target: Target, name: str, cron: str, data: str | None, request: RetrainRequest, caller: Caller
) -> Schedule:
    """Retrain again and again.

    Raises:
        UsageError: This target has no pipelines, or the name or the times are none.
        BadInputError: There are no photos.
    """
    host = _host(target)
    check_schedule(name, cron)
    return host.schedule(name, cron, data, _retraining(request, caller), caller.progress)


def unschedule(target: Target, name: str, *, dry_run: bool = False) -> Schedule:
    """Take a schedule away; with `dry_run` only show it.

    Raises:
        UsageError: This target has no pipelines.
        BadInputError: There is no such schedule; the hint has the nearest name.
    """
    host = _host(target)
    known = {one.name: one for one in host.schedules()}
    if name not in known:
        raise BadInputError(f"there is no schedule {name!r}", did_you_mean(name, known))
    if not dry_run:
        host.unschedule(name)
    return known[name]


def described(request: RetrainRequest) -> dict[str, Any]:
    """What a retraining does, as JSON members."""
    return {
        "experiment": request.experiment,
        "dataset": request.dataset,
        "mode": request.mode or "keep-classes",
        "model": request.register.name,
        "preprocessing": request.preprocess.model_dump(),
        "training": request.train.model_dump(),
        "evaluation": request.evaluate.model_dump(),
        "gate": request.policy.model_dump(),
    }


def _retraining(request: RetrainRequest, caller: Caller) -> Retraining:
    if request.register.force:
        raise UsageError("a retraining cannot overrule the gate", "Leave out force: nobody looks at the reason then.")
    return Retraining(
        experiment=request.experiment,
        dataset=request.dataset,
        preprocess=request.preprocess,
        params=TrainingParams(request.train, request.evaluate, request.register, request.policy),
        context=StepContext(build=caller.build, code=caller.code),
        mode=request.mode,
        tags=caller.tags() | {RUN_TYPE: RETRAIN, "experiment_name": request.experiment},
    )


def _host(target: Target) -> PipelineHost:
    if target.pipelines is None:
        raise UsageError("pipelines run in a workspace, not on this machine", "Add --target azureml.")
    return target.pipelines
