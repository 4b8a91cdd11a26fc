"""Compare two models on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flowerops.domain.evaluation import ClassComparison, Comparison, Interval
from flowerops.domain.metrics import bootstrap_macro_f1, checked, macro_f1, percentile_interval, probabilities_of
from flowerops.domain.significance import mcnemar

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class _F1(NamedTuple):
    """Macro-F1 of both models, and their difference with its interval; named as in `Comparison`."""

    candidate_macro_f1: float
    champion_macro_f1: float
    macro_f1_difference: float
    macro_f1_ci95: Interval


def compare(
    labels: Sequence[str],
    y_true: npt.ArrayLike,
    candidate_probabilities: npt.ArrayLike,
    champion_labels: Sequence[str],
    champion_probabilities: npt.ArrayLike,
    *,
    bootstrap_samples: int = 1000,
    seed: int = 42,
) -> Comparison:
    """Compare two models on the same images, on the classes that both know.

    Args:
        labels: The candidate's class names in the order of its columns.
        y_true: The true classes as indices into `labels`, int [n].
        candidate_probabilities: float [n, candidate classes].
        champion_labels: The champion's class names, in its own order.
        champion_probabilities: float [n, champion classes], rows as above.
        bootstrap_samples, seed: For the interval of the difference.

    Raises:
        BadInputError: As for `score`.
    """
    truth, candidate = checked(labels, y_true, candidate_probabilities)
    champion = probabilities_of(champion_labels, champion_probabilities, len(truth))
    shared = [label for label in labels if label in champion_labels]
    counted = np.array([label in shared for label in labels])[truth]
    answers = candidate.argmax(1), _in_candidate_order(champion.argmax(1), champion_labels, labels)
    truth, candidate_said, champion_said = truth[counted], answers[0][counted], answers[1][counted]
    right = candidate_said == truth, champion_said == truth
    only_candidate, only_champion = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    n, both_right = len(truth), int((right[0] & right[1]).sum())
    f1 = _compare_f1(truth, candidate_said, champion_said, len(labels), bootstrap_samples, seed)
    return Comparison(
        n=n,
        labels=shared,
        candidate_only_labels=[label for label in labels if label not in shared],
        champion_only_labels=[label for label in champion_labels if label not in shared],
        excluded=int((~counted).sum()),
        candidate_accuracy=_share(right[0]),
        champion_accuracy=_share(right[1]),
        difference=(only_candidate - only_champion) / max(1, n),
        ci95=_difference_interval(n, only_candidate, only_champion, bootstrap_samples, seed),
        mcnemar_p=mcnemar(only_candidate, only_champion),
        bootstrap_p=_bootstrap_p(n, only_candidate, only_champion),
        **(f1._asdict() if f1 else {}),
        both_right=both_right,
        only_candidate=only_candidate,
        only_champion=only_champion,
        both_wrong=n - both_right - only_candidate - only_champion,
        per_class={label: _compare_class(truth == labels.index(label), *right) for label in shared},
    )


def _compare_class(members: Bools, candidate_right: Bools, champion_right: Bools) -> ClassComparison:
    candidate, champion = candidate_right[members], champion_right[members]
    return ClassComparison(
        support=int(members.sum()),
        candidate_recall=_share(candidate),
        champion_recall=_share(champion),
        only_candidate=int((candidate & ~champion).sum()),
        only_champion=int((champion & ~candidate).sum()),
    )


def _in_candidate_order(said: Ints, champion_labels: Sequence[str], labels: Sequence[str]) -> Ints:
    """The champion's answers as indices into the candidate's labels; those that it alone knows come after them."""
    index = {label: number for number, label in enumerate(labels)}
    return np.array([index.get(label, len(labels)) for label in champion_labels], dtype=np.int64)[said]


def _compare_f1(truth: Ints, candidate: Ints, champion: Ints, classes: int, samples: int, seed: int) -> _F1 | None:
    """With a paired bootstrap; None without images."""
    if len(truth) == 0:
        return None
    mine, theirs = bootstrap_macro_f1(truth, [candidate, champion], classes, samples, seed)
    both = macro_f1(truth, candidate, classes), macro_f1(truth, champion, classes)
    return _F1(*both, both[0] - both[1], percentile_interval(mine - theirs))


def _bootstrap_p(n: int, only_candidate: int, only_champion: int) -> float:
    """Two-sided p of the paired bootstrap, for infinitely many draws instead of a thousand, so without their noise.

    One draw is a walk of n steps, each up, down or level as one image is; the walk's distribution is the n-th power of
    a step's characteristic function. p is twice the chance that the walk does not end on the side where it should.

    Source: B. Efron and R. Tibshirani, "An introduction to the bootstrap" (1993), chapter 15.
    """
    if only_candidate == only_champion:  # n may be 0
        return 1.0
    more, less = max(only_candidate, only_champion) / n, min(only_candidate, only_champion) / n
    around = 2 * np.pi * np.arange(2 * n + 1) / (2 * n + 1)
    step = more * np.exp(1j * around) + less * np.exp(-1j * around) + (1 - more - less)
    ends = np.fft.fft(step**n).real / (2 * n + 1)  # at k > n the walk that ended at k - 2n - 1
    return float(np.clip(2 * (ends[0] + ends[n + 1 :].sum()), 0, 1))


def _share(right: Bools) -> float:
    return float(right.mean()) if len(right) else 0.0


def _difference_interval(n: int, only_candidate: int, only_champion: int, samples: int, seed: int) -> Interval:
    """Paired bootstrap: drawing images anew is drawing from three kinds (better, worse, same)."""
    if n == 0:
        return -1.0, 1.0
    kinds = np.array([only_candidate, only_champion, n - only_candidate - only_champion]) / n
    drawn = np.random.default_rng(seed).multinomial(n, kinds, size=samples)
    return percentile_interval((drawn[:, 0] - drawn[:, 1]) / n)
