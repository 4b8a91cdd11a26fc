"""Score a model: its probabilities against the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from flowerops.domain.evaluation import ClassScores, Interval, Metrics, ReliabilityBin
from flowerops.domain.significance import wilson_interval
from flowerops.errors import BadInputError

RELIABILITY_BINS = 15
_SMALLEST_PROBABILITY = 1e-15
_SUM_TOLERANCE = 1e-2

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def score(
    labels: Sequence[str],
    y_true: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    bootstrap_samples: int = 1000,
    seed: int = 42,
) -> Metrics:
    """Score a model's probabilities.

    Args:
        labels: Class names in the order of the columns.
        y_true: The true classes as indices into `labels`, int [n].
        probabilities: float [n, classes], 0..1, each row summing to 1.
        bootstrap_samples, seed: For the interval of macro-F1.

    Raises:
        BadInputError: No images, shapes or indices that do not fit, or numbers that are not probabilities.
    """
    truth, chances = checked(labels, y_true, probabilities)
    predicted = chances.argmax(1)
    classes = np.arange(len(labels))
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=classes, zero_division=0)
    present = support > 0
    right = int((predicted == truth).sum())
    bins, ece = _reliability(chances.max(1), predicted == truth)
    areas = _roc_auc(truth, chances)
    known = [area for area in areas if area is not None]
    (scores,) = bootstrap_macro_f1(truth, [predicted], len(labels), bootstrap_samples, seed)
    rows = zip(precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), areas, strict=True)
    return Metrics(
        n=len(truth),
        labels=list(labels),
        accuracy=right / len(truth),
        ci95=wilson_interval(right, len(truth)),
        balanced_accuracy=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        macro_f1_ci95=percentile_interval(scores),
        weighted_f1=float(np.average(f1, weights=support)),
        top2_accuracy=_top_k(truth, chances, 2),
        top3_accuracy=_top_k(truth, chances, 3),
        log_loss=_log_loss(truth, chances),
        ece=ece,
        roc_auc=float(np.mean(known)) if known else None,
        per_class={label: _class_scores(*one) for label, one in zip(labels, rows, strict=True)},
        confusion=confusion_matrix(truth, predicted, labels=classes).tolist(),
        reliability=bins,
    )


def _class_scores(precision: float, recall: float, f1: float, support: int, area: float | None) -> ClassScores:
    return ClassScores(
        precision=precision,
        recall=recall,
        f1=f1,
        support=support,
        recall_ci95=wilson_interval(round(recall * support), support),
        roc_auc=area,
    )


def checked(labels: Sequence[str], y_true: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Ints, Floats]:
    """Truth int64 [n] and probabilities float64 [n, classes]; raises BadInputError when they do not fit."""
    truth = np.asarray(y_true)
    if truth.ndim != 1 or len(truth) == 0:
        raise BadInputError("there are no labelled images to score", "Check that the test split is not empty.")
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= len(labels):
        raise BadInputError(f"the true classes are not indices below {len(labels)}", "Check the order of the labels.")
    return truth.astype(np.int64), probabilities_of(labels, probabilities, len(truth))


def probabilities_of(labels: Sequence[str], probabilities: npt.ArrayLike, n: int) -> Floats:
    """Probabilities as float64 [n, classes]; raises BadInputError when they are none or do not fit the labels."""
    chances = np.asarray(probabilities, dtype=np.float64)
    if chances.shape != (n, len(labels)):
        raise BadInputError(
            f"the probabilities have the shape {list(chances.shape)}, not [{n}, {len(labels)}]",
            "The model's output does not fit its labels; check the bundle.",
        )
    if not np.isfinite(chances).all() or chances.min() < 0 or np.abs(chances.sum(1) - 1).max() > _SUM_TOLERANCE:
        raise BadInputError(
            "the model's output is not probabilities: rows must be finite, not negative, and sum to 1",
            "The last layer of the model must be a softmax.",
        )
    return chances


def _top_k(truth: Ints, chances: Floats, k: int) -> float:
    """Share of images whose true class is among the k most probable; ties count as argmax breaks them."""
    order = np.argsort(-chances, axis=1, kind="stable")[:, :k]
    return float((order == truth[:, None]).any(1).mean())


def _log_loss(truth: Ints, chances: Floats) -> float:
    given = chances[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(given, _SMALLEST_PROBABILITY, 1)).mean())


def _roc_auc(truth: Ints, chances: Floats) -> list[float | None]:
    """Of each class against the rest; None where the images are all of the class, or none is.

    It is the share of pairs, an image of the class and another, in which the first has the higher probability; a tie
    counts half. scikit-learn gives the same numbers and takes milliseconds for each of what may be a thousand classes.

    Source: J. Hanley and B. McNeil, "The meaning and use of the area under a ROC curve" (1982).
    """
    areas: list[float | None] = []
    for each in range(chances.shape[1]):
        mine, others = chances[truth == each, each], np.sort(chances[truth != each, each])
        if not len(mine) or not len(others):
            areas.append(None)
            continue
        below = np.searchsorted(others, mine, side="left") + np.searchsorted(others, mine, side="right")
        areas.append(float(below.mean() / 2 / len(others)))
    return areas


def _reliability(confidence: Floats, right: npt.NDArray[np.bool_]) -> tuple[list[ReliabilityBin], float]:
    """Bins of equal width, and the expected calibration error.

    Source: C. Guo et al., "On calibration of modern neural networks" (2017).
    """
    edges = np.linspace(0, 1, RELIABILITY_BINS + 1)
    which = np.clip(np.ceil(confidence * RELIABILITY_BINS).astype(int) - 1, 0, RELIABILITY_BINS - 1)
    bins, ece = [], 0.0
    for each in range(RELIABILITY_BINS):
        members = which == each
        count = int(members.sum())
        sure, accuracy = (float(confidence[members].mean()), float(right[members].mean())) if count else (None, None)
        if sure is not None and accuracy is not None:
            ece += count / len(right) * abs(sure - accuracy)
        lower, upper = float(edges[each]), float(edges[each + 1])
        bins.append(ReliabilityBin(lower=lower, upper=upper, count=count, confidence=sure, accuracy=accuracy))
    return bins, ece


def bootstrap_macro_f1(truth: Ints, answers: Sequence[Ints], classes: int, samples: int, seed: int) -> list[Floats]:
    """Macro-F1 of each model on the same images drawn anew, float64 [samples] each.

    Images with the same truth and the same answers are alike, so drawing images is drawing from as many kinds.

    Args:
        truth: int64 [n], n > 0.
        answers: Of each model, int64 [n]; they may hold further classes.
        classes: How many the truth can have.
        samples, seed: Of the drawing.
    """
    kinds, counts = np.unique(np.stack([truth, *answers]), axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(truth), counts / len(truth), size=samples)
    is_of = kinds[0][:, None] == np.arange(classes)
    support = drawn @ is_of
    scores = []
    for said in kinds[1:]:
        hits = drawn @ (is_of & (said == kinds[0])[:, None])
        f1 = 2 * hits / np.maximum(1, support + drawn @ (said[:, None] == np.arange(classes)))
        scores.append((f1 * (support > 0)).sum(1) / (support > 0).sum(1))
    return scores


def macro_f1(truth: Ints, predicted: Ints, classes: int) -> float:
    """Mean F1 over the classes that have images; int [n] each, n > 0, `predicted` may hold further classes."""
    support = np.bincount(truth, minlength=classes)
    hits = np.bincount(truth[truth == predicted], minlength=classes)
    said = np.bincount(predicted, minlength=classes)[:classes]
    f1 = 2 * hits / np.maximum(1, support + said)
    return float(f1[support > 0].mean())


def percentile_interval(values: Floats) -> Interval:
    """The 95 % percentile interval of bootstrap values, float64 [n]."""
    lower, upper = np.percentile(values, [2.5, 97.5])
    return float(lower), float(upper)
