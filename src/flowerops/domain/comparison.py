"""Compare two models on the same images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from flowerops.domain.evaluation import ClassComparison, Comparison, Interval
from flowerops.domain.metrics import checked, percentiles, probabilities_of
from flowerops.domain.significance import mcnemar

Bools = npt.NDArray[np.bool_]


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
    position = {label: index for index, label in enumerate(champion_labels)}
    as_champion = np.array([position.get(label, -1) for label in labels])[truth]
    counted = as_champion >= 0
    champion = probabilities_of(champion_labels, champion_probabilities, len(truth))
    candidate_right = (candidate.argmax(1) == truth)[counted]
    champion_right = (champion.argmax(1) == as_champion)[counted]
    shared = [label for label in labels if label in position]
    only_candidate = int((candidate_right & ~champion_right).sum())
    only_champion = int((champion_right & ~candidate_right).sum())
    n = int(counted.sum())
    both_right = int((candidate_right & champion_right).sum())
    return Comparison(
        n=n,
        labels=shared,
        candidate_only_labels=[label for label in labels if label not in position],
        champion_only_labels=[label for label in champion_labels if label not in labels],
        excluded=len(truth) - n,
        candidate_accuracy=_share(candidate_right),
        champion_accuracy=_share(champion_right),
        difference=(only_candidate - only_champion) / max(1, n),
        ci95=_difference_interval(n, only_candidate, only_champion, bootstrap_samples, seed),
        mcnemar_p=mcnemar(only_candidate, only_champion),
        both_right=both_right,
        only_candidate=only_candidate,
        only_champion=only_champion,
        both_wrong=n - both_right - only_candidate - only_champion,
        per_class={
            label: _compare_class(truth[counted] == labels.index(label), candidate_right, champion_right)
            for label in shared
        },
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


def _share(right: Bools) -> float:
    return float(right.mean()) if len(right) else 0.0


def _difference_interval(n: int, only_candidate: int, only_champion: int, samples: int, seed: int) -> Interval:
    """Paired bootstrap: drawing images anew is drawing from three kinds (better, worse, same)."""
    if n == 0:
        return -1.0, 1.0
    kinds = np.array([only_candidate, only_champion, n - only_candidate - only_champion]) / n
    drawn = np.random.default_rng(seed).multinomial(n, kinds, size=samples)
    return percentiles((drawn[:, 0] - drawn[:, 1]) / n)
