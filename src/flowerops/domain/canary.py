"""A canary: a new deployment with a share of the traffic, and when it is good enough for all of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flowerops.domain.documents import Document

_ENOUGH = 20
"""From so many requests on a share of errors, or a percentile, is taken for more than chance before the watch ends."""
_TOO_MANY = 3
"""So many errors are no chance, however few the requests."""
FEWEST_ANSWERS = 5
"""With fewer answers in the whole watch nothing is proven."""


class CanaryPolicy(Document):
    """How a canary is tried.

    percent: its share of the traffic, 1 to 50. watch_s: how long, in seconds; 0 leaves it to somebody to promote it.
    max_errors: the share of failed requests that is borne, 0..1. max_latency_ms: what 95 of 100 answers may take.
    """

    percent: int
    watch_s: float = 300.0
    max_errors: float = 0.01
    max_latency_ms: float = 2000.0

    @property
    def pause_s(self) -> float:
        """Between two questions of ours: one a second, in a short watch more."""
        return min(1.0, max(0.05, self.watch_s / 40))


class CanaryCount(Document):
    """What requests to a canary came to. latency_ms: p50 and p95, none without any answer."""

    requests: int = 0
    errors: int = 0
    latency_ms: dict[str, float] = {}


class CanaryResult(Document):
    """What a watch saw.

    outcome: promoted, rolled_back or undecided. asked: our own requests, whose right answers are known. served: the
    clients' requests, where the target counts them. reasons: what was wrong.
    """

    percent: int
    outcome: str
    seconds: float
    asked: CanaryCount
    served: CanaryCount | None
    reasons: list[str]


def count_of(times_ms: Sequence[float], errors: int, requests: int) -> CanaryCount:
    """Counts of requests, with the percentiles of what the answered ones took (ms)."""
    return CanaryCount(requests=requests, errors=errors, latency_ms=percentiles(times_ms, (50, 95)))


def percentiles(times: Sequence[float], shares: Sequence[int]) -> dict[str, float]:
    """Percentiles by the nearest rank, as p50, p95 …; none without times."""
    ranked = sorted(times)
    if not ranked:
        return {}
    return {f"p{share}": round(ranked[math.ceil(share / 100 * len(ranked)) - 1], 3) for share in shares}


def faults(policy: CanaryPolicy, count: CanaryCount, whose: str, *, ended: bool) -> list[str]:
    """What speaks against a canary.

    Args:
        policy: What is borne.
        count: What was seen.
        whose: Whose requests, for people: "test" or "client".
        ended: Whether the watch is over; before that only what can be no chance counts.
    """
    found = []
    share = count.errors / count.requests if count.requests else 0.0
    certain = ended or count.requests >= _ENOUGH or count.errors >= _TOO_MANY
    if certain and share > policy.max_errors:
        found.append(
            f"{count.errors} of {count.requests} {whose} requests failed ({share:.1%}, at most {policy.max_errors:.1%})"
        )
    p95 = count.latency_ms.get("p95", 0.0)
    if (ended or count.requests >= _ENOUGH) and p95 > policy.max_latency_ms:
        found.append(f"95% of {whose} requests took up to {p95:.0f} ms (at most {policy.max_latency_ms:g} ms)")
    return found
