"""The training pipeline as one job: where the target runs whole pipelines, commands read what its steps left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowerops.domain.detached import RunDetachedError
from flowerops.domain.steps import OUTPUT_MANIFEST, StepManifest
from flowerops.errors import RemoteError, error_from_document
from flowerops.services.evaluate import evaluated_from
from flowerops.services.pipeline import Pipeline
from flowerops.services.preprocess import Prepared
from flowerops.services.selection import champion_of
from flowerops.services.train import TRAINED, trained_from
from flowerops.targets.protocol import PipelineHost, Run, StepOutput, TrainingOrder, TrainingParams

AddStep = Callable[[str, dict[str, Any]], None]


def train_as_job(
    pipeline: Pipeline, host: PipelineHost, prepared: Prepared, params: TrainingParams, add: AddStep
) -> None:
    """Train, evaluate and register in one job; `add` is told of each step's document when the job has ended.

    Raises:
        GateRejectedError: The gate said no; the documents of train and evaluate were told before.
        FlowerOpsError: A step failed.
    """
    target = pipeline.target
    raw, processed = prepared.raw, prepared.processed
    pipeline.tag({"dataset_id": str(raw), "processed_id": str(processed)})
    order = TrainingOrder(
        raw=raw,
        processed=processed,
        params=params,
        champion=champion_of(target.models.versions(params.register.name)),
        context=pipeline.context(raw.ref, processed.ref),
    )
    try:
        pipeline.run_id = host.train(pipeline.run_id, order, pipeline.caller.progress)
    except RunDetachedError as detached:  # nobody will be there to say it later
        target.runs.tag(detached.run_id, {TRAINED: "true"})
        raise
    pipeline.tag({TRAINED: "true"})
    run = target.runs.find(pipeline.run_id)
    trained, evaluated, registered = (_output(pipeline, run, step) for step in ("train", "evaluate", "register"))
    add("train", _timed(run, "train", trained_from(pipeline, prepared, trained, _seconds(run, "train")).document()))
    found = evaluated_from(run.id, None, evaluated, _seconds(run, "evaluate"))
    add("evaluate", _timed(run, "evaluate", found.document()))
    add("register", _timed(run, "register", _registered(registered)))


def _registered(output: StepOutput) -> dict[str, Any]:
    file = output.folder / OUTPUT_MANIFEST
    result = StepManifest.from_json(file.read_bytes(), str(file)).result
    if "error" in result:
        raise error_from_document(result["error"])
    return result


def _output(pipeline: Pipeline, run: Run, step: str) -> StepOutput:
    output = pipeline.target.runs.output(run, step)
    if output is None:
        raise RemoteError(f"run {run.id} has no output of its step {step}", f"See: flowerops runs show {run.id}")
    return output


def _timed(run: Run, step: str, document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "wall_seconds": _seconds(run, step)}


def _seconds(run: Run, step: str) -> float:
    """How long the newest step run of that name took."""
    took = [(one.ended_ms - one.started_ms) / 1000 for one in run.steps if one.name == step and one.ended_ms]
    return round(took[-1], 3) if took else 0.0
