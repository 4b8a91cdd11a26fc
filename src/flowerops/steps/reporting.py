"""Collect the facts of an evaluation for its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from flowerops.domain.bundle import BundleInfo
from flowerops.domain.params import EvaluateParams
from flowerops.domain.verdict import Evaluation
from flowerops.io.surroundings import now
from flowerops.reports.facts import DatasetFacts, ExampleImage, ReportFacts
from flowerops.reports.thumbnails import thumbnail
from flowerops.steps.testsets import TestSet


def report_facts(
    evaluation: Evaluation,
    info: BundleInfo,
    test: TestSet,
    probabilities: npt.NDArray[np.float32],
    history: Mapping[str, Sequence[float]],
    params: EvaluateParams,
) -> ReportFacts:
    """Everything the report shows.

    Args:
        evaluation: Metrics, comparison, decision.
        info: The candidate's bundle.
        test: The photos.
        probabilities: The candidate's answers, float32 [n, classes], columns as in `info.labels`.
        history: Each metric of every epoch.
        params: How many photos to show.
    """
    run = info.run.id if info.run else "-"
    return ReportFacts(
        title=f"Evaluation of run {run[:12]}",
        created=now(),
        metrics=evaluation.metrics,
        dataset=_dataset(evaluation, test),
        comparison=evaluation.comparison,
        champion=evaluation.champion_digest[:12] if evaluation.champion_digest else None,
        decision=evaluation.decision,
        examples=_examples(info.labels, test, probabilities, params.max_thumbnails),
        history=history,
        identity=_identity(evaluation, info, run),
        reproduce=_reproduce(info),
        synthetic=evaluation.synthetic,
    )


def _dataset(evaluation: Evaluation, test: TestSet) -> DatasetFacts:
    if test.version is None:
        counts = np.bincount(test.truth, minlength=len(test.labels))
        classes = {label: int(count) for label, count in zip(test.labels, counts, strict=True) if count}
        left_out = [(entry.path, entry.reason) for entry in test.quarantined]
        return DatasetFacts(evaluation.data_folder or "a folder", None, {"test": classes}, left_out)
    manifest, ref = test.version.manifest, evaluation.dataset
    name = f"{manifest.name}:{ref.version}" if ref and ref.version else manifest.name
    left_out = [(entry.path, entry.reason) for entry in manifest.quarantined]
    return DatasetFacts(name, manifest.digest, manifest.split_classes, left_out)


def _examples(
    labels: Sequence[str], test: TestSet, probabilities: npt.NDArray[np.float32], limit: int
) -> list[ExampleImage]:
    """The misclassified photos, the surest first, then the right ones that the model was least sure of."""
    predicted = probabilities.argmax(axis=1)
    truth = np.array([labels.index(test.labels[index]) for index in test.truth])
    confidence = probabilities.max(axis=1)
    wrong = [index for index in np.argsort(-confidence) if predicted[index] != truth[index]]
    unsure = [index for index in np.argsort(confidence) if predicted[index] == truth[index]]
    kept_for_unsure = min(len(unsure), limit // 4)
    chosen = [int(index) for index in [*wrong[: limit - kept_for_unsure], *unsure[:kept_for_unsure]]]
    return [
        ExampleImage(
            path=test.names[index],
            true=labels[truth[index]],
            predicted=labels[predicted[index]],
            probabilities={label: float(p) for label, p in zip(labels, probabilities[index], strict=True)},
            jpeg=thumbnail(test.prepared([index])[0]),
        )
        for index in chosen
    ]


def _identity(evaluation: Evaluation, info: BundleInfo, run: str) -> list[tuple[str, str]]:
    rows = [
        ("Run", run),
        ("Experiment", info.run.experiment if info.run else "-"),
        ("Model bundle", evaluation.candidate_digest),
        ("Backbone", f"{info.backbone.name} ({info.backbone.weights_source})"),
        ("Trained on", f"{info.processed.name}:{info.processed.version} {info.processed.digest[:16]}"),
        ("Build", f"{info.build.id} ({info.build.kind})" if info.build else "-"),
        ("Git commit", _commit(info)),
    ]
    if info.raw is not None:
        rows.insert(4, ("Photos", f"{info.raw.name}:{info.raw.version} {info.raw.digest[:16]}"))
    return rows


def _commit(info: BundleInfo) -> str:
    if info.code.commit is None:
        return "not in a git work tree"
    return f"{info.code.commit}{' with uncommitted changes' if info.code.dirty else ''}"


def _reproduce(info: BundleInfo) -> list[str]:
    dataset = f"{info.raw.name}:{info.raw.version}" if info.raw else info.processed.name
    options = f"--backbone {info.params['backbone']} --epochs {info.params['epochs']} --seed {info.params['seed']}"
    return [f"flowerops train --dataset {dataset} {options}", "flowerops evaluate"]
