"""Collect the facts of an evaluation for its report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flowerops.domain.bundle import BundleInfo
from flowerops.domain.params import TrainParams
from flowerops.domain.verdict import Evaluation
from flowerops.io.surroundings import now
from flowerops.reports.facts import DatasetFacts, ExampleImage, ReportFacts, SmallPhoto
from flowerops.steps.ancestry import ancestry
from flowerops.steps.testsets import TestSet


@dataclass(frozen=True)
class Photos:
    """The test photos that the report shows."""

    large: Sequence[ExampleImage]
    small: Sequence[SmallPhoto]


def report_facts(
    evaluation: Evaluation,
    info: BundleInfo,
    test: TestSet,
    photos: Photos,
    history: Mapping[str, Sequence[float]],
) -> ReportFacts:
    """Everything the report shows.

    Args:
        evaluation: Metrics, comparison, decision.
        info: The candidate's bundle.
        test: The photos.
        photos: Those that are shown.
        history: Each metric of every epoch.
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
        examples=photos.large,
        gallery=photos.small,
        slices=evaluation.slices,
        cost=evaluation.cost,
        lineage=ancestry(info, evaluation),
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
    asked = TrainParams.model_validate(info.requested or info.params).model_dump(mode="json", exclude_defaults=True)
    options = [f"--dataset {dataset}", f"--image-size {info.geometry.size}", f"--fit {info.geometry.fit}"]
    if asked:
        options.append(f"--params {shlex.quote(json.dumps({'training': asked}))}")
    checkout = [f"git checkout {info.code.commit}"] if info.code.commit else []
    return [*checkout, f"flowerops train {' '.join(options)}", "flowerops evaluate"]
