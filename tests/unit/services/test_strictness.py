from __future__ import annotations

import pytest

from flowerops.domain.params import GatePolicy
from flowerops.errors import GateInconclusiveError, GateRejectedError
from flowerops.services.strictness import insist, with_floor


def decided(outcome, **more):
    return {"decision": {"outcome": outcome, "reasons": ["Because.", "And."]}, **more}


@pytest.mark.parametrize("outcome", ["first", "promoted", "inconclusive", "rejected"])
def test_without_strict_the_gates_word_is_only_told(outcome):
    insist(decided(outcome), strict=False)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [("first", None), ("promoted", None), ("inconclusive", GateInconclusiveError), ("rejected", GateRejectedError)],
)
def test_strict_wants_a_candidate_that_takes_over(outcome, error):
    document = decided(outcome, report="here.html")
    if error is None:
        insist(document, strict=True)
        return
    with pytest.raises(error, match="Because") as caught:
        insist(document, strict=True)
    assert caught.value.exit_code == 4
    assert caught.value.details == document
    assert "here.html" in caught.value.hint


def test_a_registered_run_is_held_to_the_asserted_accuracy_as_well():
    registered = decided("promoted", tags={"test_accuracy": "0.81"}, model={"name": "m", "version": 3})
    insist(registered, strict=True, accuracy=0.81)
    with pytest.raises(GateRejectedError, match=r"81.0 %, asserted were at least 90.0 %") as caught:
        insist(registered, strict=False, accuracy=0.9)
    assert caught.value.hint == "m:3 is registered; the champion stays."
    with pytest.raises(GateRejectedError) as caught:
        insist({**registered, "champion": True}, strict=False, accuracy=0.9)
    assert caught.value.hint == "m:3 is registered and the champion."
    insist({"decision": None}, strict=True, accuracy=0.9)  # nothing is known


def test_an_assertion_raises_the_floor_and_never_lowers_it():
    policy = GatePolicy(min_accuracy=0.8)
    assert with_floor(policy, 0.9).min_accuracy == 0.9
    assert with_floor(policy, 0.7) is with_floor(policy, None) is policy
