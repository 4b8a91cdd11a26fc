"""What /metrics says, in the text format of Prometheus.

Everything is counted in the event loop's thread, so plain numbers do.
Source: "Exposition formats" in the documentation of Prometheus.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram, in seconds."""


class Counters:
    """Requests by path and status, the latency of scored ones in seconds, and labels that were answered."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._labels: Counter[str] = Counter()
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count an answered request; the latency of those that were scored goes into the histogram."""
        self._requests[path, status] += 1
        if path == "/score" and status == 200:
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds

    def labels(self, labels: Iterable[str]) -> None:
        """Count what was answered."""
        self._labels.update(labels)

    def lines(self) -> list[str]:
        """The lines of all of them."""
        requests = sorted(self._requests.items())
        return [
            *_head("flowerops_requests_total", "counter", "Requests that were answered."),
            *(_line("flowerops_requests_total", n, path=path, status=str(status)) for (path, status), n in requests),
            *_head("flowerops_score_seconds", "histogram", "Time from a request's headers to the end of its scores."),
            *self._histogram(),
            *_head("flowerops_predictions_total", "counter", "Images that were scored, by their most probable label."),
            *(_line("flowerops_predictions_total", n, label=label) for label, n in sorted(self._labels.items())),
        ]

    def _histogram(self) -> list[str]:
        lines, total = [], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(_line("flowerops_score_seconds_bucket", total, le=bound))
        return [*lines, f"flowerops_score_seconds_sum {self._seconds:.6f}", f"flowerops_score_seconds_count {total}"]


def gauges(values: Mapping[str, tuple[str, float]]) -> list[str]:
    """Lines of gauges: the explanation and the value, by name."""
    return [
        line
        for name, (text, value) in values.items()
        for line in (*_head(f"flowerops_{name}", "gauge", text), f"flowerops_{name} {value:g}")
    ]


def info(name: str, text: str, labels: Mapping[str, str]) -> list[str]:
    """Lines of a gauge that is always 1 and tells something by its labels."""
    return [*_head(f"flowerops_{name}", "gauge", text), _line(f"flowerops_{name}", 1, **labels)]


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _line(name: str, value: float, /, **labels: str) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
