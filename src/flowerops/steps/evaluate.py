"""evaluate: a bundle and a test set in, facts, a decision and a report out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from flowerops.datasets.raw import RawVersion
from flowerops.domain.comparison import compare
from flowerops.domain.documents import malformed
from flowerops.domain.evaluation import SliceScores
from flowerops.domain.gate import decide
from flowerops.domain.metrics import score
from flowerops.domain.params import EvaluateParams, GatePolicy
from flowerops.domain.progress import Progress
from flowerops.domain.slices import Answer, slice_scores
from flowerops.domain.steps import HISTORY_FILE, OUTPUT_MANIFEST, StepContext, StepManifest
from flowerops.domain.verdict import EVALUATION_FILE, PREDICTIONS_FILE, REPORT_FILE, SUMMARY_FILE, Evaluation
from flowerops.errors import BadInputError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_file
from flowerops.io.surroundings import environment_info, now
from flowerops.reports.evaluation import render_report, render_summary_markdown
from flowerops.serving.scorer import Scorer
from flowerops.steps.costing import measure_cost
from flowerops.steps.predictions import predictions_csv
from flowerops.steps.reporting import Photos, report_facts
from flowerops.steps.showing import Answers, examples, gallery
from flowerops.steps.testsets import TestSet, from_folder, from_version
from flowerops.tracking import StepTracker

_BATCH = 64


@dataclass(frozen=True)
class EvaluateInput:
    """bundle: the candidate. Exactly one of data (a processed version) and photos (a labelled folder).

    raw, objects: the photos as received, for a model that wants another geometry. champion: another bundle to
    compare with. training: the train step's folder, for its history.
    policy: the gate's policy, or None when no decision is wanted.
    """

    bundle: Path
    data: Path | None
    raw: Path | None
    objects: Path | None
    photos: Path | None
    champion: Path | None
    training: Path | None
    policy: GatePolicy | None
    params: EvaluateParams
    context: StepContext


def evaluate(work: EvaluateInput, out: Path, progress: Progress, tracker: StepTracker) -> StepManifest:
    """Score, compare, decide, report.

    `out` gets evaluation.json, predictions.csv, report.html, summary.md and manifest.json.

    Raises:
        BadInputError: The test set cannot be used with this model.
        StoreIntegrityError: A bundle or an image was changed.
    """
    scorer = Scorer.load(work.bundle)
    test = _test_set(work, scorer, progress)
    truth = np.array([scorer.labels.index(test.labels[index]) for index in test.truth], dtype=np.int64)
    answers = Answers(scorer.labels, truth, _score(scorer, test, progress, "scoring"))
    evaluation = _evaluation(work, scorer, test, answers, progress)
    atomic_write(out / EVALUATION_FILE, evaluation.to_json())
    atomic_write(out / PREDICTIONS_FILE, predictions_csv(answers.labels, test, truth, answers.probabilities))
    places, large = examples(answers, test, scorer, work.params, progress)
    photos = Photos(large, gallery(answers, test, places) if work.params.max_thumbnails else [])
    facts = report_facts(evaluation, scorer.info, test, photos, _history(work.training))
    atomic_write(out / REPORT_FILE, render_report(facts))
    atomic_write(out / SUMMARY_FILE, render_summary_markdown(facts))
    manifest = _manifest(work, evaluation, sha256_file(out / EVALUATION_FILE), test)
    atomic_write(out / OUTPUT_MANIFEST, manifest.to_json())
    tracker.metrics({f"test_{name}": value for name, value in evaluation.metrics.summary().items()})
    for name in (EVALUATION_FILE, REPORT_FILE):
        tracker.file(out / name)
    return manifest


def _evaluation(work: EvaluateInput, scorer: Scorer, test: TestSet, answers: Answers, progress: Progress) -> Evaluation:
    samples, seed = work.params.bootstrap_samples, work.params.seed
    metrics = score(answers.labels, answers.truth, answers.probabilities, samples, seed)
    champion = Scorer.load(work.champion) if work.champion else None
    comparison = None
    if champion is not None:
        theirs = _score(champion, test, progress, "scoring champion")
        comparison = compare(
            answers.labels,
            answers.truth,
            answers.probabilities,
            champion.labels,
            theirs,
            bootstrap_samples=samples,
            seed=seed,
        )
    cost = measure_cost(scorer, work.bundle, test)
    return Evaluation(
        candidate_digest=scorer.digest,
        champion_digest=champion.digest if champion else None,
        dataset=work.context.processed if work.data else None,
        data_folder=str(work.photos) if work.photos else None,
        metrics=metrics,
        comparison=comparison,
        slices=_slices(work.params, scorer, test, answers),
        cost=cost,
        policy=work.policy,
        decision=decide(metrics, comparison, work.policy, cost) if work.policy else None,
        synthetic=bool(test.version and test.version.manifest.synthetic),
    )


def _slices(params: EvaluateParams, scorer: Scorer, test: TestSet, answers: Answers) -> list[SliceScores]:
    of_version = test.version.manifest.params.get("group_by") if test.version else None
    photos = zip(test.names, test.sizes, answers.truth, answers.predicted, strict=True)
    said = [Answer(name, *size, answers.labels[true], answers.labels[called]) for name, size, true, called in photos]
    return slice_scores(said, scorer.info.geometry.size, params.group_by or of_version)


def _test_set(work: EvaluateInput, scorer: Scorer, progress: Progress) -> TestSet:
    if work.data is not None and work.photos is None:
        raw = RawVersion(work.raw, work.objects) if work.raw else None
        return from_version(work.data, raw, scorer.labels)
    if work.photos is not None and work.data is None:
        return from_folder(work.photos, scorer.labels, scorer.info.geometry, progress)
    raise BadInputError("evaluate takes either a dataset version or a folder of photos", "Give exactly one of them.")


def _score(scorer: Scorer, test: TestSet, progress: Progress, label: str) -> npt.NDArray[np.float32]:
    answers = []
    with progress.task(label, len(test), "photo") as task:
        for start in range(0, len(test), _BATCH):
            indices = range(start, min(start + _BATCH, len(test)))
            answers.append(scorer.score_pixels(test.pixels(indices, scorer.info.geometry)))
            task.advance(len(indices))
    return np.concatenate(answers)


def _history(training: Path | None) -> dict[str, list[float]]:
    if training is None or not (training / HISTORY_FILE).is_file():
        return {}
    try:
        history = TypeAdapter(dict[str, list[float]]).validate_json((training / HISTORY_FILE).read_bytes())
    except ValidationError as error:
        raise malformed(error, str(training / HISTORY_FILE)) from error
    return history


def _manifest(work: EvaluateInput, evaluation: Evaluation, digest: str, test: TestSet) -> StepManifest:
    decision = evaluation.decision
    return StepManifest(
        step="evaluate",
        digest=digest,
        params=work.params.model_dump(),
        parents=[work.context.processed] if work.context.processed else [],
        provenance=work.context.provenance(now(), environment_info()),
        result={
            "n": len(test),
            "accuracy": evaluation.metrics.accuracy,
            "outcome": decision.outcome if decision else None,
            "quarantined": [entry.model_dump() for entry in test.quarantined],
        },
    )
