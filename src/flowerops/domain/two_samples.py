"""Do two samples come from the same distribution? Permutation tests, and how far each thing is from a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
_BLOCK = 256
_PSEUDO_COUNT = 0.5
_ROUNDING = 1e-9


class KernelTest(NamedTuple):
    """mmd2: unbiased estimate of the squared maximum mean discrepancy (about 0 without a difference, at most 2).

    p_value: how often a random split of all samples differs as much. scale: the kernel's, in the features' units.
    """

    mmd2: float
    p_value: float
    scale: float


class IndexTest(NamedTuple):
    """psi: the population stability index. parts: each class's share in it, in the order of the counts.

    p_value: as in `KernelTest`.
    """

    psi: float
    parts: list[float]
    p_value: float


def kernel_test(reference: Samples, other: Samples, permutations: int, seed: int) -> KernelTest:
    """Compare two samples by their kernel mean embeddings, without assuming anything about the distributions.

    Gaussian kernel with the median of all squared distances as its scale. Source: A. Gretton et al., "A kernel
    two-sample test", JMLR 13 (2012): equation 3 for the estimate, section 8 for the median. The p value counts the
    observed split among the permuted ones: B. Phipson and G. Smyth, "Permutation p-values should never be zero" (2010).

    Args:
        reference, other: float32 [n, d] and [m, d], n and m at least 2.
        permutations: How many random splits.
        seed: Of the random splits; the same seed gives the same p.
    """
    kernel, scale = _gaussian(np.concatenate([reference, other]))
    n, m = len(reference), len(other)
    # The estimate differs from this quadratic form by terms of the diagonal only, which no permutation changes.
    weights = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
    observed = float(weights @ kernel @ weights)
    rng = np.random.default_rng(seed)
    beaten = 0
    for start in range(0, permutations, _BLOCK):
        tries = rng.permuted(np.tile(weights, (min(_BLOCK, permutations - start), 1)), axis=1)
        beaten += int(((tries @ kernel * tries).sum(1) >= observed - _ROUNDING).sum())
    return KernelTest(_unbiased(kernel, n), (1 + beaten) / (1 + permutations), scale)


def _gaussian(samples: Samples) -> tuple[npt.NDArray[np.float64], float]:
    """The kernel matrix, float64 [n, n], and its scale."""
    points = samples.astype(np.float64) - samples.mean(0, dtype=np.float64)
    squares = _squared_distances(points, points)
    apart = squares[np.triu_indices(len(squares), 1)]
    median = float(np.median(apart)) or float(apart.mean()) or 1.0
    return np.exp(-squares / median), float(np.sqrt(median))


def _unbiased(kernel: npt.NDArray[np.float64], n: int) -> float:
    m = len(kernel) - n
    within_first = (kernel[:n, :n].sum() - n) / (n * (n - 1))
    within_second = (kernel[n:, n:].sum() - m) / (m * (m - 1))
    return float(within_first + within_second - 2 * kernel[:n, n:].mean())


def index_test(reference: Sequence[int], other: Sequence[int], permutations: int, seed: int) -> IndexTest:
    """Compare two lists of counts by the population stability index: sum of (q - p) ln(q / p) over the classes.

    Half a photo is added to each count, so that a class that is empty on one side gives a large number, not an infinite
    one. Source of the index: N. Siddiqi, "Credit Risk Scorecards" (2006), where 0.1 is a small change and 0.25 a large
    one; of its size by chance alone, which is not small for few photos: B. Yurdakul, "Statistical properties of
    population stability index" (2018). That is why there is a p value.

    Args:
        reference, other: Photos of each class, in the same order.
        permutations: How many random splits.
        seed: Of the random splits.
    """
    first, second = np.array(reference, np.int64), np.array(other, np.int64)
    parts = _index_parts(first, second)
    pooled, chosen = first + second, int(second.sum())
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_hypergeometric(pooled, chosen, size=permutations)
    beaten = int((_index_parts(pooled - drawn, drawn).sum(-1) >= parts.sum() - _ROUNDING).sum())
    return IndexTest(float(parts.sum()), [float(part) for part in parts], (1 + beaten) / (1 + permutations))


def _index_parts(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    p, q = ((counts + _PSEUDO_COUNT) / (counts + _PSEUDO_COUNT).sum(-1, keepdims=True) for counts in (first, second))
    found: npt.NDArray[np.float64] = (q - p) * np.log(q / p)
    return found


class Distances(NamedTuple):
    """Of each sample from the reference: distance, and the share (0..1) of reference samples that are less far away
    from the rest of the reference. nearest: index of the nearest reference sample."""

    distance: npt.NDArray[np.float64]
    unusual: npt.NDArray[np.float64]
    nearest: npt.NDArray[np.intp]


def distances_from(reference: Samples, other: Samples, neighbours: int = 5) -> Distances:
    """How far samples are from a reference: the distance to the k-th nearest, all vectors scaled to length 1.

    Source: Y. Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022.

    Args:
        reference, other: float32 [n, d] and [m, d], n at least 2.
        neighbours: k; fewer where the reference is smaller.
    """
    first, second = (_unit(samples) for samples in (reference, other))
    k = min(neighbours, len(first) - 1)
    among = _squared_distances(first, first)
    np.fill_diagonal(among, np.inf)
    usual = np.sort(np.sqrt(np.partition(among, k - 1, axis=1)[:, k - 1]))
    across = _squared_distances(second, first)
    distance = np.sqrt(np.partition(across, k - 1, axis=1)[:, k - 1])
    return Distances(distance, np.searchsorted(usual, distance) / len(usual), across.argmin(1))


def plane(reference: Samples, other: Samples) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Both samples on the two directions in which all of them together vary most (principal components), [n, 2]."""
    pooled = np.concatenate([reference, other]).astype(np.float64)
    centred = pooled - pooled.mean(0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    placed = centred @ directions[:, :-3:-1]
    return placed[: len(reference)], placed[len(reference) :]


def _unit(samples: Samples) -> npt.NDArray[np.float64]:
    points = samples.astype(np.float64)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float64] = points / np.where(lengths > 0, lengths, 1)
    return scaled


def _squared_distances(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[n, m]; rounding never makes one negative."""
    cross = first @ second.T
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1)[None] - 2 * cross
    found: npt.NDArray[np.float64] = np.maximum(squares, 0)
    return found
