"""The two-sample tests: right about as often as they say when nothing changed, and awake when something did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.domain.two_samples import distances_from, index_test, kernel_test, plane

SEEDS = st.integers(0, 2**32 - 1)
TRIALS, LEVEL = 200, 0.1


def clouds(seed: int, n: int = 40, m: int = 30, width: int = 6, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0, 1, (n, width)), rng.normal(shift, 1, (m, width))
    return first.astype(np.float32), second.astype(np.float32)


def test_two_halves_of_the_same_data_differ_as_rarely_as_the_p_value_says():
    # Binomial(200, 0.1): outside of 7..35 once in some 300,000 cases; the seeds are fixed anyway.
    pool = np.random.default_rng(0).gamma(2.0, 1.0, (400, 5)).astype(np.float32)
    labels = np.random.default_rng(1).choice(4, 400, p=[0.6, 0.2, 0.15, 0.05])
    far, shifted = 0, 0
    for seed in range(TRIALS):
        chosen = np.random.default_rng(seed).permutation(400)[:60]
        halves = chosen[:30], chosen[30:]
        far += kernel_test(pool[halves[0]], pool[halves[1]], 99, seed).p_value <= LEVEL
        counts = [np.bincount(labels[half], minlength=4).tolist() for half in halves]
        shifted += index_test(counts[0], counts[1], 99, seed).p_value <= LEVEL
    assert 7 <= far <= 35
    assert shifted <= 35  # counts take few values, so that ties make it call less often than it might


@settings(max_examples=25)
@given(SEEDS)
def test_a_shift_is_found_and_has_a_large_discrepancy(seed: int):
    same, moved = kernel_test(*clouds(seed), 199, seed), kernel_test(*clouds(seed, shift=1.5), 199, seed)
    assert moved.p_value == 1 / 200
    assert moved.mmd2 > 0.1 > same.mmd2


@settings(max_examples=25)
@given(SEEDS, st.floats(0.01, 1000))
def test_the_test_does_not_depend_on_units_or_on_who_comes_first(seed: int, unit: float):
    first, second = clouds(seed, 25, 25, shift=0.4)
    found = kernel_test(first, second, 99, 7)
    scaled = kernel_test((first * unit).astype(np.float32), (second * unit).astype(np.float32), 99, 7)
    assert scaled.p_value == pytest.approx(found.p_value, abs=0.03)
    assert scaled.mmd2 == pytest.approx(found.mmd2, abs=1e-4)
    assert kernel_test(second, first, 99, 7).mmd2 == pytest.approx(found.mmd2, abs=1e-9)
    assert kernel_test(first, second, 99, 7) == found


def test_photos_that_are_all_the_same_are_no_drift():
    same = np.ones((30, 4), np.float32)
    found = kernel_test(same, same, 99, 0)
    assert (found.p_value, found.mmd2) == (1.0, 0.0)


def test_the_unbiased_estimate_is_the_formula():
    first, second = clouds(3, 5, 4, 2)
    pooled = np.concatenate([first, second]).astype(float)
    squares = ((pooled[:, None] - pooled[None]) ** 2).sum(-1)
    kernel = np.exp(-squares / np.median(squares[np.triu_indices(9, 1)]))
    pairs = [[kernel[i, j] for i in side for j in side if i != j] for side in (range(5), range(5, 9))]
    across = [kernel[i, j] for i in range(5) for j in range(5, 9)]
    expected = np.mean(pairs[0]) + np.mean(pairs[1]) - 2 * np.mean(across)
    assert kernel_test(first, second, 99, 0).mmd2 == pytest.approx(expected, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=6), SEEDS)
def test_the_index_is_a_sum_of_parts_that_are_not_negative(pairs: list[tuple[int, int]], seed: int):
    first, second = ([pair[side] + 1 for pair in pairs] for side in (0, 1))
    found = index_test(first, second, 99, seed)
    assert found.psi == pytest.approx(sum(found.parts))
    assert min(found.parts) >= 0
    assert 0 < found.p_value <= 1
    assert index_test(first, first, 99, seed).psi == 0


def test_a_class_that_is_missing_gives_a_large_index_and_a_small_p():
    found = index_test([100, 100, 100, 100, 100], [125, 125, 125, 125, 0], 999, 0)
    assert found.psi > 0.5
    assert found.p_value == 1 / 1000
    assert found.parts[4] == max(found.parts)
    few = index_test([4, 4, 4, 4, 4], [8, 2, 1, 6, 3], 999, 0)
    assert few.psi > 0.25
    assert few.p_value > 0.2, "as large an index, and no more than chance"


def test_a_stranger_is_far_from_the_reference_and_a_member_is_not():
    rng = np.random.default_rng(0)
    reference = rng.normal([5, 0, 0], 0.3, (50, 3)).astype(np.float32)
    found = distances_from(reference, np.array([[0, 5, 0], [5, 0.1, 0]], np.float32))
    assert found.unusual[0] == 1.0
    assert found.unusual[1] < 0.9
    assert found.distance[0] > found.distance[1]
    assert distances_from(reference, reference[7:8]).nearest.tolist() == [7]


def test_the_plane_keeps_what_varies_most():
    first, second = clouds(1, 30, 20, 5)
    second[:, 3] += 50
    before, now = plane(first, second)
    assert (before.shape, now.shape) == ((30, 2), (20, 2))
    assert abs(before[:, 0].mean() - now[:, 0].mean()) > 40
