"""evaluate: score a run's candidate, or a registered model, and let the gate decide about a candidate."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.domain.bundle import VersionRef
from flowerops.domain.names import Selector
from flowerops.domain.params import EvaluateParams, GatePolicy
from flowerops.domain.steps import BUNDLE_DIR
from flowerops.domain.verdict import PREDICTIONS_FILE, REPORT_FILE, SUMMARY_FILE, Evaluation
from flowerops.errors import BadInputError
from flowerops.services.bundles import read_bundle
from flowerops.services.candidates import candidate_run, read_evaluation, trained_output
from flowerops.services.pipeline import Caller, Pipeline, begin
from flowerops.services.selection import champion_of, find_model
from flowerops.services.versions import with_digest
from flowerops.targets.protocol import DatasetVersion, ModelVersion, Run, StepOutput, Target


@dataclass(frozen=True)
class EvaluateRequest:
    """run_id: a pipeline run's candidate; model: a registered version instead; neither: the latest run's candidate.

    folder: a labelled folder to score on instead of the model's own test split. champion_of: whose champion to beat.
    """

    run_id: str | None
    model: Selector | None
    folder: Path | None
    champion_of: str
    params: EvaluateParams
    policy: GatePolicy


@dataclass(frozen=True)
class Evaluated:
    """An evaluation, and the report for people; the summary and the predictions lie beside it."""

    run_id: str | None
    model: ModelVersion | None
    evaluation: Evaluation
    report: Path
    seconds: float

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        found, subject = self.evaluation, {"run_id": self.run_id}
        data: dict[str, Any] = {"data_folder": found.data_folder}
        if self.model is not None:
            subject = {"model": str(self.model)}
        if found.dataset is not None:
            data = {"dataset": found.dataset.model_dump()}
        return {
            **subject,
            **data,
            "n": found.metrics.n,
            "metrics": found.metrics.model_dump(mode="json"),
            "comparison": found.comparison.model_dump(mode="json") if found.comparison else None,
            "decision": found.decision.model_dump() if found.decision else None,
            "slices": [one.model_dump(mode="json") for one in found.slices],
            "cost": found.cost.model_dump() if found.cost else None,
            "report": str(self.report),
            "summary": str(self.report.with_name(SUMMARY_FILE)),
            "predictions": str(self.report.with_name(PREDICTIONS_FILE)),
            "synthetic": found.synthetic,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class _Subject:
    """What is scored: its bundle, the run it came from, and the training's folder when that is at hand."""

    bundle: Path
    run: Run | None
    model: ModelVersion | None
    training: Path | None


def plan(target: Target, request: EvaluateRequest) -> dict[str, Any]:
    """What `evaluate` would do, without doing it: JSON members `subject`, `data`, `champion`."""
    subject, champion = _subject(target, request), None
    if subject.run is not None and request.folder is None:
        champion = champion_of(target.models.versions(request.champion_of))
    ref = read_bundle(subject.bundle).processed
    data = str(request.folder) if request.folder else f"the test split of {ref.name}:{ref.version}"
    model = subject.model
    named = str(model) if model else f"run {subject.run.id if subject.run else '-'}"
    return {"subject": named, "data": data, "champion": str(champion) if champion else None}


def evaluate(target: Target, request: EvaluateRequest, caller: Caller) -> Evaluated:
    """Evaluate a candidate or a model.

    A run's candidate is compared with the champion on the same photos, and the gate decides; the evaluation becomes a
    step of that run. A registered model, or a labelled folder, gives facts without a decision.

    Raises:
        BadInputError: No such run or model, nothing trained yet, or a test set that does not fit.
    """
    subject = _subject(target, request)
    if subject.run is not None and request.folder is None:
        pipeline = Pipeline(target, caller, subject.run.id, subject.run.experiment)
        return evaluate_in(pipeline, request, subject.run)
    info = read_bundle(subject.bundle)
    experiment = info.run.experiment if info.run else "evaluation"
    with begin(target, caller, experiment, "evaluate") as pipeline:
        return _evaluate(pipeline, request, subject, None)


def evaluate_in(pipeline: Pipeline, request: EvaluateRequest, run: Run) -> Evaluated:
    """Evaluate a run's candidate as a step of that run, against the champion."""
    output = trained_output(pipeline.target, run)
    subject = _Subject(output.folder / BUNDLE_DIR, run, None, output.folder)
    champion = champion_of(pipeline.target.models.versions(request.champion_of))
    return _evaluate(pipeline, request, subject, champion, decide=True)


def _evaluate(
    pipeline: Pipeline,
    request: EvaluateRequest,
    subject: _Subject,
    champion: ModelVersion | None,
    *,
    decide: bool = False,
) -> Evaluated:
    started = time.perf_counter()
    target = pipeline.target
    info = read_bundle(subject.bundle)
    processed = _version(target, info.processed) if request.folder is None else None
    raw = _version(target, info.raw) if processed and info.raw else None
    output = pipeline.step(
        "evaluate",
        request.params,
        pipeline.context(raw.ref if raw else None, processed.ref if processed else None),
        {
            "bundle": subject.bundle,
            "data": processed.folder if processed else None,
            "raw": raw.folder if raw else None,
            "objects": target.datasets.objects() if raw else None,
            "photos": request.folder.absolute() if request.folder else None,
            "champion": champion.bundle if champion else None,
            "training": subject.training,
        },
        {"gate": request.policy.model_dump_json()} if decide else None,
    )
    run_id = pipeline.run_id if subject.run else None
    return evaluated_from(run_id, subject.model, output, time.perf_counter() - started)


def evaluated_from(run_id: str | None, model: ModelVersion | None, output: StepOutput, seconds: float) -> Evaluated:
    """What an evaluate step left behind; of a run's candidate, or of a model."""
    return Evaluated(run_id, model, read_evaluation(output), output.folder / REPORT_FILE, seconds)


def _subject(target: Target, request: EvaluateRequest) -> _Subject:
    if request.model is not None:
        model = find_model(target, request.model)
        return _Subject(model.bundle, None, model, None)
    run = candidate_run(target, request.run_id)
    output = trained_output(target, run)
    return _Subject(output.folder / BUNDLE_DIR, run, None, output.folder)


def _version(target: Target, ref: VersionRef) -> DatasetVersion:
    found = with_digest(target, ref.name, ref.digest)
    if found is not None:
        return found
    raise BadInputError(
        f"dataset {ref.name}:{ref.version or ''} ({ref.digest[:12]}) is not here",
        "Evaluate on a folder of photos with --data-folder.",
    )
