from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from flowerops.domain.significance import mcnemar, sign_test, wilson_interval

counts = st.integers(0, 300)


@given(counts, counts)
def test_the_sign_test_is_the_exact_binomial(wins, losses):
    expected = binomtest(wins, wins + losses, alternative="greater").pvalue if wins + losses else 1
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(counts, counts)
def test_mcnemar_is_the_two_sided_binomial(first, second):
    expected = binomtest(first, first + second).pvalue if first + second else 1
    assert mcnemar(first, second) == mcnemar(second, first) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons_and_holds_the_share(case):
    right, n = case
    lower, upper = wilson_interval(right, n)
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert (lower, upper) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= lower <= right / n <= upper <= 1


def test_a_million_images_are_no_trouble():
    assert mcnemar(500_000, 500_000) == pytest.approx(1)
    assert 0 <= mcnemar(400_000, 600_000) < 1e-12
