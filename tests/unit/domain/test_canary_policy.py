from __future__ import annotations

import pytest

from flowerops.domain.canary import CanaryCount, CanaryPolicy, count_of, faults, percentiles

POLICY = CanaryPolicy(percent=10, max_errors=0.01, max_latency_ms=100)


def counted(requests: int, errors: int = 0, p95: float = 10.0) -> CanaryCount:
    return CanaryCount(requests=requests, errors=errors, latency_ms={"p50": p95 / 2, "p95": p95})


@pytest.mark.parametrize(
    ("count", "during", "at_the_end"),
    [
        (counted(100), False, False),
        (counted(200, errors=2), False, False),
        (counted(200, errors=3), True, True),
        (counted(2, errors=1), False, True),
        (counted(3, errors=3), True, True),
        (counted(19, p95=101), False, True),
        (counted(20, p95=101), True, True),
        (counted(20, p95=100), False, False),
        (CanaryCount(), False, False),
    ],
)
def test_chance_is_borne_while_it_goes_on_and_judged_at_the_end(
    count: CanaryCount, during: bool, at_the_end: bool
) -> None:
    assert bool(faults(POLICY, count, "test", ended=False)) == during
    assert bool(faults(POLICY, count, "test", ended=True)) == at_the_end


def test_the_reasons_are_in_words() -> None:
    (errors, latency) = faults(POLICY, counted(40, errors=3, p95=250), "client", ended=True)
    assert errors == "3 of 40 client requests failed (7.5%, at most 1.0%)"
    assert latency == "95% of client requests took up to 250 ms (at most 100 ms)"


def test_percentiles_are_by_the_nearest_rank() -> None:
    assert percentiles([], (50,)) == {}
    assert percentiles([3, 1, 2], (50, 95, 99)) == {"p50": 2, "p95": 3, "p99": 3}
    assert count_of([5.0], 1, 2) == CanaryCount(requests=2, errors=1, latency_ms={"p50": 5.0, "p95": 5.0})


def test_a_short_watch_asks_more_often() -> None:
    assert CanaryPolicy(percent=1, watch_s=600).pause_s == 1.0
    assert CanaryPolicy(percent=1, watch_s=4).pause_s == pytest.approx(0.1)
    assert CanaryPolicy(percent=1, watch_s=0).pause_s == pytest.approx(0.05)
