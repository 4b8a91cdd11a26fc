"""What every candidate must reach, champion or not."""

from __future__ import annotations

from collections.abc import Iterator

from flowerops.domain.evaluation import Cost, Metrics
from flowerops.domain.gate_words import images, percent
from flowerops.domain.params import GatePolicy


def failures(candidate: Metrics, policy: GatePolicy, cost: Cost | None) -> list[str]:
    """A sentence for each floor that is missed and each cap that is broken; what was not measured is missed."""
    return [*_size_and_accuracy(candidate, policy), *_recalls(candidate, policy), *_caps(candidate, policy, cost)]


def _size_and_accuracy(candidate: Metrics, policy: GatePolicy) -> Iterator[str]:
    if candidate.n < policy.min_test_images:
        yield f"{images(candidate.n)} are too few to judge by; the policy asks for {policy.min_test_images}."
    if candidate.accuracy < policy.min_accuracy:
        yield (
            f"The accuracy of {percent(candidate.accuracy)} on {images(candidate.n)} is below the floor of "
            f"{percent(policy.min_accuracy)}."
        )


def _recalls(candidate: Metrics, policy: GatePolicy) -> Iterator[str]:
    floors = dict.fromkeys(candidate.labels, policy.min_recall) | policy.min_recall_of
    for label, floor in floors.items():
        if floor <= 0:
            continue
        scores = candidate.per_class.get(label)
        if scores is None:
            yield f"The policy asks for a recall of {label}, a class that the candidate does not know."
        elif scores.support == 0:
            yield f"There is no test image of {label}, so its recall cannot be shown to reach {percent(floor)}."
        elif scores.recall < floor:
            yield (
                f"The recall of {label}, {percent(scores.recall)} on {images(scores.support)}, is below the floor of "
                f"{percent(floor)}."
            )


def _caps(candidate: Metrics, policy: GatePolicy, cost: Cost | None) -> Iterator[str]:
    if candidate.ece > policy.max_calibration_error:
        yield (
            f"The calibration error of {percent(candidate.ece)} is above the cap of "
            f"{percent(policy.max_calibration_error)}."
        )
    if cost is None:
        if policy.max_latency_ms is not None or policy.max_bundle_mb is not None:
            yield "Latency and size, which the policy caps, were not measured; evaluate the candidate again."
        return
    if policy.max_latency_ms is not None and cost.latency_ms > policy.max_latency_ms:
        yield f"An image takes {cost.latency_ms:.1f} ms, above the cap of {policy.max_latency_ms:g} ms."
    size = cost.bundle_bytes / 1e6
    if policy.max_bundle_mb is not None and size > policy.max_bundle_mb:
        yield f"The bundle has {size:.1f} MB, above the cap of {policy.max_bundle_mb:g} MB."
