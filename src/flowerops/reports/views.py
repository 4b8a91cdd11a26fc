"""Turn facts into what the evaluation page lists: rows, cells and cards, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowerops.domain.evaluation import ClassScores, Comparison, Metrics
from flowerops.domain.gate import Outcome
from flowerops.reports.facts import DatasetFacts, ExampleImage, SmallPhoto
from flowerops.reports.pages import data_uri

_BARS_PER_CARD = 3
_MAX_MATRIX_CLASSES = 40
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "first": ("First model", "There was no champion; this candidate becomes it."),
    "promoted": ("Promoted", "The candidate replaces the champion."),
    "rejected": ("Rejected", "The candidate does not become the champion."),
    "inconclusive": ("Inconclusive", "The champion stays; the candidate is kept on record."),
}


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix. share: of its row, 0..1. row, column: indices of true and predicted class."""

    row: int
    column: int
    count: int
    share: float
    right: bool
    title: str

    @property
    def heat(self) -> float:
        """How strongly it is coloured, 0..1; between 0.6 and 0.9 neither dark nor light ink can be read on the blue."""
        if not self.right:
            return min(1.0, 0.16 + 1.85 * self.share)
        return 0.12 + 0.75 * self.share if self.share <= 0.6 else 0.88 + 0.12 * self.share


@dataclass(frozen=True)
class Bar:
    """One probability on a photo's card."""

    label: str
    probability: float
    kind: str


@dataclass(frozen=True)
class Card:
    """A photo with the model's answer. row, column: indices of the true and the predicted class."""

    image: ExampleImage
    source: str
    row: int
    column: int
    bars: list[Bar]
    overlay: str | None = None


@dataclass(frozen=True)
class SmallCard:
    """A small photo and its cell of the confusion matrix."""

    photo: SmallPhoto
    source: str
    row: int
    column: int


def matrix(metrics: Metrics) -> list[list[Cell]]:
    """The confusion matrix, a row a true class; empty where it would be too large to read."""
    if len(metrics.labels) > _MAX_MATRIX_CLASSES:
        return []
    return [
        [_cell(metrics, row, column, count, sum(counts)) for column, count in enumerate(counts)]
        for row, counts in enumerate(metrics.confusion)
    ]


def _cell(metrics: Metrics, row: int, column: int, count: int, support: int) -> Cell:
    true, predicted = metrics.labels[row], metrics.labels[column]
    words = f"{true} recognised" if row == column else f"{true} taken for {predicted}"
    share = count / support if support else 0.0
    return Cell(row, column, count, share, row == column, f"{words}: {count} of {support} ({100 * share:.0f} %)")


def mistakes(metrics: Metrics, most: int) -> list[Cell]:
    """The most frequent mistakes, the most frequent first."""
    found = [
        _cell(metrics, row, column, count, sum(counts))
        for row, counts in enumerate(metrics.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return sorted(found, key=lambda cell: (-cell.count, cell.row, cell.column))[:most]


def class_rows(metrics: Metrics) -> list[tuple[str, ClassScores]]:
    """The classes, the weakest first; classes without test images last."""
    return sorted(metrics.per_class.items(), key=lambda row: (row[1].support == 0, row[1].f1, row[0]))


def cards(images: Sequence[ExampleImage], labels: Sequence[str]) -> tuple[list[Card], list[Card]]:
    """The misclassified photos, the most confident mistake first, and the right ones, the least confident first."""
    wrong = sorted((each for each in images if each.true != each.predicted), key=lambda each: -_confidence(each))
    right = sorted((each for each in images if each.true == each.predicted), key=_confidence)
    return [_card(each, labels) for each in wrong], [_card(each, labels) for each in right]


def _confidence(image: ExampleImage) -> float:
    return image.probabilities.get(image.predicted, 0.0)


def _card(image: ExampleImage, labels: Sequence[str]) -> Card:
    ranked = sorted(image.probabilities, key=lambda label: -image.probabilities[label])
    shown = ranked[:_BARS_PER_CARD]
    if image.true in ranked and image.true not in shown:
        shown[-1] = image.true
    bars = [Bar(label, image.probabilities[label], _kind(image, label)) for label in shown]
    overlay = data_uri(image.overlay) if image.overlay else None
    return Card(image, data_uri(image.jpeg), _index(labels, image.true), _index(labels, image.predicted), bars, overlay)


def small_cards(photos: Sequence[SmallPhoto], labels: Sequence[str]) -> list[SmallCard]:
    """The small photos, in the order given."""
    return [
        SmallCard(one, data_uri(one.jpeg), _index(labels, one.true), _index(labels, one.predicted)) for one in photos
    ]


def _kind(image: ExampleImage, label: str) -> str:
    if label == image.true:
        return "true"
    return "wrong" if label == image.predicted else "other"


def _index(labels: Sequence[str], label: str) -> int:
    return labels.index(label) if label in labels else -1


def agreement(comparison: Comparison) -> list[tuple[str, str, int]]:
    """The four kinds of images, for the strip: CSS class, words, count."""
    return [
        ("both", "both right", comparison.both_right),
        ("candidate", "only the candidate right", comparison.only_candidate),
        ("champion", "only the champion right", comparison.only_champion),
        ("neither", "both wrong", comparison.both_wrong),
    ]


def split_table(dataset: DatasetFacts) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """The names of the splits, and a row for each class with its images in each split."""
    splits = list(dataset.splits)
    labels = sorted({label for counts in dataset.splits.values() for label in counts})
    return splits, [(label, [dataset.splits[split].get(label, 0) for split in splits]) for label in labels]
