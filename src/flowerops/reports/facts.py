"""What an evaluation report is made from. Plain facts; nothing here decides or computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flowerops.domain.evaluation import Comparison, Cost, Metrics, SliceScores
from flowerops.domain.gate import Decision
from flowerops.domain.lineage import Lineage


@dataclass(frozen=True)
class ExampleImage:
    """A test photo with the model's answer.

    path: as the dataset knows it. true, predicted: labels. probabilities: by label, 0..1. jpeg: a thumbnail
    (`flowerops.reports.thumbnails`); it goes into the page as it is. overlay: another, of the parts that made the model
    say what it said.
    """

    path: str
    true: str
    predicted: str
    probabilities: Mapping[str, float]
    jpeg: bytes
    overlay: bytes | None = None


@dataclass(frozen=True)
class SmallPhoto:
    """A test photo that is shown small, when its cell of the confusion matrix is chosen.

    confidence: the probability of what was predicted, 0..1. jpeg: a small thumbnail.
    """

    path: str
    true: str
    predicted: str
    confidence: float
    jpeg: bytes


@dataclass(frozen=True)
class DatasetFacts:
    """The data behind the numbers.

    name: for people, such as "flowers:3". digest: SHA-256 of the version, or None for a plain folder.
    splits: images by split, then by label. quarantined: path and reason of files that are not used.
    """

    name: str
    digest: str | None = None
    splits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    quarantined: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report shows.

    title: such as "flower_classifier, run 4f2a". examples: misclassified and least-confident photos, in any order.
    gallery: further test photos, in the order in which they are shown. slices, cost: as in `evaluation.json`.
    lineage: what the model was made from. history: one list a series, a number an epoch, Keras' names ("loss",
    "val_loss", "accuracy", "val_accuracy"). identity: rows of name and value, such as ("Git commit", "…").
    reproduce: shell commands. synthetic: the data are drawings, and every page says so.
    """

    title: str
    created: str
    metrics: Metrics
    dataset: DatasetFacts
    comparison: Comparison | None = None
    champion: str | None = None
    decision: Decision | None = None
    examples: Sequence[ExampleImage] = ()
    gallery: Sequence[SmallPhoto] = ()
    slices: Sequence[SliceScores] = ()
    cost: Cost | None = None
    lineage: Lineage | None = None
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    identity: Sequence[tuple[str, str]] = ()
    reproduce: Sequence[str] = ()
    synthetic: bool = False
