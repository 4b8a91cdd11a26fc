from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowerops.domain.comparison import compare
from flowerops.domain.gate import decide, p_of
from flowerops.domain.metrics import score
from flowerops.domain.params import GatePolicy

LABELS = ["daisy", "roses"]
RANK = {"rejected": 0, "inconclusive": 1, "promoted": 2}
KINDS = ("both", "candidate", "champion", "neither")


def facts(images, labels=LABELS):
    """Metrics and comparison for a list of (class, who is right)."""
    truth = np.array([label for label, _ in images])
    wrong = (truth + 1) % len(labels)
    eye = np.eye(len(labels))
    candidate = eye[np.where([who in ("both", "candidate") for _, who in images], truth, wrong)]
    champion = eye[np.where([who in ("both", "champion") for _, who in images], truth, wrong)]
    metrics = score(labels, truth, candidate, bootstrap_samples=100)
    return metrics, compare(labels, truth, candidate, labels, champion, bootstrap_samples=100)


def images(both=0, candidate=0, champion=0, neither=0, label=0):
    return [(label, who) for who, n in zip(KINDS, (both, candidate, champion, neither), strict=True) for _ in range(n)]


def outcome(seen, **policy):
    return decide(*facts(seen), GatePolicy(**policy))


some_images = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(KINDS)), min_size=1, max_size=80)
policies = st.builds(
    GatePolicy,
    min_accuracy=st.sampled_from([0.0, 0.5, 0.9]),
    min_test_images=st.sampled_from([1, 10, 50]),
    significance=st.sampled_from([0.01, 0.05, 0.3]),
    min_gain=st.sampled_from([0.0, 0.01, 0.1]),
    clear_gain=st.sampled_from([0.0, 0.02, 0.2]),
    clear_gain_significance=st.sampled_from([0.05, 0.2, 0.9]),
    max_recall_drop=st.sampled_from([0.0, 0.1, 1.0]),
    min_recall=st.sampled_from([0.0, 0.3]),
    min_recall_of=st.sampled_from([{}, {"roses": 0.6}]),
    max_calibration_error=st.sampled_from([0.4, 1.0]),
    test=st.sampled_from(["mcnemar", "bootstrap"]),
    min_macro_f1_gain=st.sampled_from([None, 0.0, 0.05]),
)


def test_the_first_model_needs_no_champion_but_the_floors():
    metrics, _ = facts(images(both=90, neither=10))
    first = decide(metrics, None, GatePolicy())
    assert first.outcome == "first"
    assert first.takes_over
    assert "90.0 % on 100 test images" in first.reasons[1]
    low = decide(metrics, None, GatePolicy(min_accuracy=0.95))
    assert low.outcome == "rejected"
    assert "90.0 % on 100 test images is below the floor of 95.0 %" in low.reasons[0]


def test_nine_test_images_are_too_few_where_the_policy_asks_for_ten():
    assert decide(facts(images(both=9))[0], None, GatePolicy()).outcome == "first"
    decision = decide(facts(images(both=9))[0], None, GatePolicy(min_test_images=10))
    assert decision.outcome == "rejected"
    assert decision.reasons[0] == "9 test images are too few to judge by; the policy asks for 10."


def test_a_clearly_better_candidate_is_promoted_with_the_numbers():
    decision = outcome(images(both=340, candidate=20, champion=4, neither=36))
    assert decision.outcome == "promoted"
    assert decision.reasons == [
        "The candidate is better than the champion by 4.0 points: 90.0 % against 86.0 % on the same 400 test images; "
        "only the candidate has 20 right, only the champion 4 (p = 0.002)."
    ]


def test_an_equal_candidate_is_inconclusive():
    assert outcome(images(both=350, candidate=6, champion=6, neither=38)).outcome == "inconclusive"
    same = outcome(images(both=350, neither=50))
    assert same.outcome == "inconclusive"
    assert "right on the same images" in same.reasons[0]


def test_a_clearly_worse_candidate_is_rejected():
    decision = outcome(images(both=340, candidate=4, champion=20, neither=36), max_recall_drop=1)
    assert decision.outcome == "rejected"
    assert decision.reasons[0].startswith(
        "The candidate is worse than the champion by 4.0 points: 86.0 % against 90.0 %"
    )


def test_a_clear_gain_may_be_less_certain_but_a_small_one_may_not():
    clear = images(both=340, candidate=20, champion=10, neither=30)  # +2.5 points, p = 0.10
    assert outcome(clear).outcome == "promoted"
    assert outcome(clear, clear_gain_significance=0.05).outcome == "inconclusive"
    small = images(both=380, candidate=9, champion=4, neither=7)  # +1.25 points, p = 0.27
    assert outcome(small).outcome == "inconclusive"


def test_a_gain_below_the_margin_does_not_promote_however_certain():
    decision = outcome(images(both=3900, candidate=40, champion=5, neither=55), min_gain=0.02)
    assert decision.outcome == "inconclusive"
    assert "better by 0.9 points, but the policy asks for 2.0 points" in decision.reasons[0]


def test_a_ruined_class_rejects_by_name_although_the_whole_is_better():
    gained = images(both=300, candidate=60, neither=10)
    ruined = images(both=10, champion=20, label=1)
    decision = outcome(gained + ruined)
    assert decision.outcome == "rejected"
    assert "The recall of roses falls from 100.0 % to 33.3 % on 30 test images" in decision.reasons[0]


def test_a_drop_on_a_handful_of_images_is_told_but_does_not_decide():
    decision = outcome(images(both=300, candidate=60, neither=10) + images(both=1, champion=3, label=1))
    assert decision.outcome == "promoted"
    assert "roses" in decision.reasons[-1]
    assert "may be chance" in decision.reasons[-1]


def test_an_equally_good_candidate_is_hardly_ever_refused_for_one_class():
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(300):
        whose = rng.choice(KINDS, size=200, p=[0.85, 0.05, 0.05, 0.05])
        seen = [(int(label), str(who)) for label, who in zip(rng.integers(0, 2, 200), whose, strict=True)]
        refused += outcome(seen, max_recall_drop=0.0).outcome == "rejected"
    assert refused <= 300 * 0.06


def test_a_lost_class_and_too_little_in_common_are_inconclusive():
    truth = np.array([0, 1] * 30)
    right = np.eye(2)[truth]
    wrong = np.eye(2)[1 - truth]
    metrics = score(LABELS, truth, right)
    lost = compare(LABELS, truth, right, [*LABELS, "tulips"], np.eye(3)[1 - truth])
    assert decide(metrics, lost, GatePolicy()).outcome == "inconclusive"
    assert "does not know tulips" in decide(metrics, lost, GatePolicy()).reasons[0]
    strangers = compare(LABELS, truth, right, ["cat", "dog"], wrong)
    assert decide(metrics, strangers, GatePolicy()).outcome == "inconclusive"
    little = compare(LABELS, truth, right, ["daisy", "oak"], wrong)
    assert decide(metrics, little, GatePolicy(min_test_images=31)).outcome == "inconclusive"
    partly = decide(metrics, compare(LABELS, truth, right, ["daisy", "roses_old"], wrong[:, ::-1]), GatePolicy())
    assert "30 test images of classes that the champion does not know (roses) are left out" in partly.reasons[-1]


@given(some_images, policies)
@settings(max_examples=60, deadline=None)
def test_never_promoted_when_not_better_and_always_with_reasons(seen, policy):
    metrics, comparison = facts(seen)
    decision = decide(metrics, comparison, policy)
    assert decision == decide(metrics, comparison, policy)
    assert decision.outcome in RANK
    assert decision.reasons
    assert all(reason.endswith(".") for reason in decision.reasons)
    if decision.outcome == "promoted":
        assert comparison.candidate_accuracy > comparison.champion_accuracy
        assert metrics.accuracy >= policy.min_accuracy
        assert metrics.n >= policy.min_test_images


@given(some_images, policies)
@settings(max_examples=60, deadline=None)
def test_two_models_are_never_each_promoted_over_the_other(seen, policy):
    swapped = {"candidate": "champion", "champion": "candidate"}
    mirrored = [(label, swapped.get(who, who)) for label, who in seen]
    one, two = decide(*facts(seen), policy), decide(*facts(mirrored), policy)
    assert not (one.takes_over and two.takes_over)
    if one.outcome == "promoted" and p_of(facts(seen)[1], policy) < policy.significance:
        assert two.outcome == "rejected"


@given(some_images, policies, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_one_more_right_answer_never_makes_the_outcome_worse(seen, policy, at):
    at %= len(seen)
    label, who = seen[at]
    better = {"champion": "both", "neither": "candidate"}.get(who, who)
    improved = [*seen[:at], (label, better), *seen[at + 1 :]]
    assert RANK[decide(*facts(improved), policy).outcome] >= RANK[decide(*facts(seen), policy).outcome]


@given(some_images, policies, st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_stricter_policy_never_lets_more_through(seen, policy, alone):
    metrics, comparison = facts(seen)
    stricter = policy.model_copy(update={"min_recall": 0.5, "min_accuracy": 0.9, "min_macro_f1_gain": 0.1})
    compared = None if alone else comparison
    if decide(metrics, compared, stricter).takes_over:
        assert decide(metrics, compared, policy).takes_over


def test_a_loss_of_macro_f1_can_be_forbidden():
    common = images(both=340, candidate=20, champion=2)
    rare = images(both=2, champion=8, label=1)
    assert outcome(common + rare, max_recall_drop=1).outcome == "promoted"
    decision = outcome(common + rare, max_recall_drop=1, min_macro_f1_gain=0)
    assert decision.outcome == "inconclusive"
    assert "but macro-F1 differs by -" in decision.reasons[0]


def test_the_bootstrap_finds_more_than_mcnemar_and_says_so():
    seen = images(both=380, candidate=5, neither=15)  # +1.25 points, McNemar's p = 0.06
    assert outcome(seen).outcome == "inconclusive"
    decision = outcome(seen, test="bootstrap")
    assert decision.outcome == "promoted"
    assert "(bootstrap p = 0.01" in decision.reasons[0]


def test_the_gate_needs_neither_numpy_nor_scikit_learn():
    code = "import sys, flowerops.domain.gate; assert not {'numpy', 'sklearn'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("field", ["min_gain", "min_accuracy", "significance"])
def test_a_policy_cannot_ask_for_the_opposite(field):
    with pytest.raises(ValueError, match=field):
        GatePolicy(**{field: -0.1})
