"""The facts of a report, out of random answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from flowerops.domain.comparison import compare
from flowerops.domain.gate import decide
from flowerops.domain.metrics import score
from flowerops.domain.params import GatePolicy
from flowerops.reports.facts import DatasetFacts, ExampleImage, ReportFacts
from flowerops.reports.thumbnails import thumbnail


def facts(
    labels: Sequence[str] = ("daisy", "roses", "tulips"),
    n: int = 90,
    champion: bool = True,
    examples: int = 12,
    **changes: Any,
) -> ReportFacts:
    """A report of `n` test photos, `examples` of them shown, with these members changed."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, len(labels), n)
    logits = rng.normal(size=(n, len(labels)))
    logits[np.arange(n), truth] += 2.5
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    metrics = score(labels, truth, chances, bootstrap_samples=100)
    comparison = compare(labels, truth, chances, labels, chances[:, ::-1]) if champion else None
    pixels = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    shown = [
        ExampleImage(
            path=f"{labels[truth[each]]}/{each}.jpg",
            true=labels[truth[each]],
            predicted=labels[chances[each].argmax()],
            probabilities=dict(zip(labels, chances[each].tolist(), strict=True)),
            jpeg=thumbnail(pixels),
        )
        for each in range(examples)
    ]
    made = ReportFacts(
        title="flower_classifier, version 7",
        created="2026-01-02 03:04 UTC",
        metrics=metrics,
        dataset=DatasetFacts(
            "flowers, version 3",
            "ab" * 32,
            {"train": dict.fromkeys(labels, 1200), "test": dict.fromkeys(labels, n // 3)},
            [("roses/bad.jpg", "truncated")],
        ),
        comparison=comparison,
        champion="flower_classifier, version 6" if champion else None,
        decision=decide(metrics, comparison, GatePolicy()),
        examples=shown,
        history={"loss": [1.0, 0.5, 0.4], "val_loss": [1.1, 0.7, 0.8], "accuracy": [0.5, 0.8, 0.9]},
        identity=[("Git commit", "abc123"), ("Build page", "https://ci.example.org/runs/1")],
        reproduce=["flowerops evaluate --model flower_classifier:7"],
    )
    return dataclasses.replace(made, **changes)
