"""Could chance alone have done this? Intervals and tests for counts of right and wrong answers."""

from __future__ import annotations

import math

_Z_95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share of `right` in `n` independent trials, both ends within 0..1.

    Unlike a bootstrap it does not shrink to nothing when all of a few trials went right. Without trials nothing is
    known: (0, 1).

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).
    """
    if n == 0:
        return 0.0, 1.0
    share, square = right / n, _Z_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z_95 / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def sign_test(wins: int, losses: int) -> float:
    """One-sided exact p: how likely a fair coin gives at least this many wins in `wins + losses` throws; 0..1."""
    n = wins + losses
    if wins == 0:
        return 1.0
    log_all = math.lgamma(n + 1) - n * math.log(2)
    tail = math.fsum(
        math.exp(log_all - math.lgamma(k + 1) - math.lgamma(n - k + 1)) for k in range(losses, -1, -1)
    )  # losses at most this many, which is wins at least that many
    return min(1.0, tail)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p that two classifiers are equally good, from the images that only one of them has right; 0..1.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions" (1947), in its
    exact binomial form.
    """
    return min(1.0, 2 * sign_test(max(only_first, only_second), min(only_first, only_second)))
