from __future__ import annotations

import numpy as np
import pytest

from flowerops.domain.evaluation import Cost
from flowerops.domain.gate import decide
from flowerops.domain.metrics import score
from flowerops.domain.params import GatePolicy

LABELS = ["daisy", "roses", "tulips"]
COST = Cost(latency_ms=12.5, latency_p95_ms=15, images=32, bundle_bytes=18_500_000, model_bytes=13_000_000)


def metrics(daisy=(10, 10), roses=(6, 10)):
    """Scores of a model that has so many of so many right; there is no tulip."""
    truth = np.repeat([0, 1], [daisy[1], roses[1]])
    said = np.concatenate([np.arange(daisy[1]) >= daisy[0], np.arange(roses[1]) < roses[0]]).astype(int)
    return score(LABELS, truth, np.eye(3)[said], bootstrap_samples=100)


def reasons(cost=COST, **policy):
    decision = decide(metrics(), None, GatePolicy(**policy), cost)
    assert decision.outcome == (
        "rejected" if len(decision.reasons) != 2 or "ccuracy" not in decision.reasons[1] else "first"
    )
    return decision.reasons


def test_a_floor_of_every_recall_names_the_class_below_it_and_the_one_without_images():
    said = reasons(min_recall=0.7)
    assert said[0] == "The recall of roses, 60.0 % on 10 test images, is below the floor of 70.0 %."
    assert said[1] == "There is no test image of tulips, so its recall cannot be shown to reach 70.0 %."


def test_a_floor_of_one_class_goes_before_that_of_all():
    said = reasons(min_recall=0.5, min_recall_of={"tulips": 0, "roses": 0.61})
    assert said[0] == "The recall of roses, 60.0 % on 10 test images, is below the floor of 61.0 %."
    assert len(said) == 2
    assert reasons(min_recall_of={"roses": 0.6})[0] == "There is no champion yet."


def test_a_class_that_the_policy_cares_for_must_be_known():
    assert "orchids, a class that the candidate does not know" in reasons(min_recall_of={"orchids": 0.5})[0]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"max_calibration_error": 0.1}, "The calibration error of 20.0 % is above the cap of 10.0 %."),
        ({"max_latency_ms": 12}, "An image takes 12.5 ms, above the cap of 12 ms."),
        ({"max_bundle_mb": 18}, "The bundle has 18.5 MB, above the cap of 18 MB."),
    ],
)
def test_each_cap_rejects_with_both_numbers(policy, said):
    assert reasons(**policy)[0] == said


def test_caps_that_hold_say_nothing():
    assert reasons(max_calibration_error=0.21, max_latency_ms=13, max_bundle_mb=19)[0] == "There is no champion yet."


def test_what_was_not_measured_does_not_slip_past_a_cap():
    assert "were not measured" in reasons(cost=None, max_latency_ms=1000)[0]
    assert reasons(cost=None)[0] == "There is no champion yet."


@pytest.mark.parametrize("bad", [{"min_recall_of": {"roses": 1.5}}, {"max_latency_ms": 0}, {"test": "coin"}])
def test_a_policy_out_of_range_is_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        GatePolicy(**bad)
