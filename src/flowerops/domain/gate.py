"""The promotion gate: may this candidate replace the champion? A pure function of facts and policy."""

from __future__ import annotations

from typing import Literal

from flowerops.domain.documents import Document
from flowerops.domain.evaluation import ClassComparison, Comparison, Metrics
from flowerops.domain.params import GatePolicy
from flowerops.domain.significance import sign_test

Outcome = Literal["first", "promoted", "rejected", "inconclusive"]


class Decision(Document):
    """What the gate says, and why in plain sentences.

    first: there was no champion and the floors hold. promoted: clearly better. rejected: below a floor, or clearly
    worse, overall or on a class. inconclusive: neither; the champion stays.
    """

    outcome: Outcome
    reasons: list[str]

    @property
    def takes_over(self) -> bool:
        """Whether the candidate becomes the champion."""
        return self.outcome in ("first", "promoted")


def decide(candidate: Metrics, comparison: Comparison | None, policy: GatePolicy) -> Decision:
    """Decide about a candidate.

    1. Floors: too few test images or too low an accuracy reject, with or without a champion.
    2. Without a champion, a candidate above the floors is the first.
    3. Significantly worse overall (McNemar's p below `significance`) rejects. So does a class whose recall falls by
       more than `max_recall_drop`, if chance is ruled out: a one-sided sign test on the images of the class that only
       one model has right, at `significance` divided by the number of classes. So an equally good candidate
       is refused for the luck of the draw on some class in at most `significance` of all cases, however
       many classes there are, and a class of fewer than six images never decides. A drop that may be chance is told.
    4. Better by `min_gain` or more promotes if it is significant, or if the gain is at least `clear_gain` and p below
       the milder `clear_gain_significance`. The second way exists because test splits are small: simulated with 4 to
       10 % of 400 images answered differently, a true gain of two points is significant in 19 to 44 % of the draws,
       and passes in 43 to 55 % with the second way; an equally good candidate then passes in 3 to 7 % instead of
       1 to 2 %, which costs little, as it is about as good as the champion.
    5. Anything else is inconclusive: also when the models share no class or fewer than `min_test_images` images, and
       when the candidate has lost a class that the champion knows.

    Args:
        candidate: The candidate on its whole test split.
        comparison: Candidate and champion on the same images; None when there is no champion.
        policy: Thresholds.
    """
    failures = _floors(candidate, policy)
    if comparison is None:
        opening = "There is no champion yet."
        if failures:
            return Decision(outcome="rejected", reasons=[*failures, opening])
        return Decision(outcome="first", reasons=[opening, _standing(candidate, policy)])
    proven, unproven = _dropped_classes(comparison, policy)
    failures += _worse(comparison, policy) + proven
    if failures:
        return Decision(outcome="rejected", reasons=failures + unproven + _scope(comparison))
    doubts = _doubts(comparison, policy)
    outcome: Outcome = "inconclusive" if doubts or not _is_better(comparison, policy) else "promoted"
    verdict = _verdict(comparison, policy) if comparison.n else []
    return Decision(outcome=outcome, reasons=doubts + verdict + unproven + _scope(comparison))


def _floors(candidate: Metrics, policy: GatePolicy) -> list[str]:
    failures = []
    if candidate.n < policy.min_test_images:
        failures.append(
            f"{_images(candidate.n)} are too few to judge by; the policy asks for {policy.min_test_images}."
        )
    if candidate.accuracy < policy.min_accuracy:
        failures.append(
            f"The accuracy of {_percent(candidate.accuracy)} on {_images(candidate.n)} is below the floor of "
            f"{_percent(policy.min_accuracy)}."
        )
    return failures


def _standing(candidate: Metrics, policy: GatePolicy) -> str:
    lower, upper = candidate.ci95
    floor = f"; the floor is {_percent(policy.min_accuracy)}" if policy.min_accuracy else ""
    return (
        f"The accuracy is {_percent(candidate.accuracy)} on {_images(candidate.n)} "
        f"(95 % interval {_percent(lower)} to {_percent(upper)}){floor}."
    )


def _worse(comparison: Comparison, policy: GatePolicy) -> list[str]:
    if comparison.difference >= 0 or comparison.mcnemar_p >= policy.significance:
        return []
    return [f"The candidate is worse than the champion by {_points(comparison.difference)}: {_against(comparison)}."]


def _dropped_classes(comparison: Comparison, policy: GatePolicy) -> tuple[list[str], list[str]]:
    """Sentences on classes whose recall fell too far: those where chance is ruled out, and the others."""
    proven, unproven = [], []
    limit = policy.significance / max(1, len(comparison.per_class))
    for label, each in comparison.per_class.items():
        if each.champion_recall - each.candidate_recall <= policy.max_recall_drop:
            continue
        p = sign_test(each.only_champion, each.only_candidate)
        if p < limit:
            proven.append(f"{_drop(label, each)}; at most {_points(policy.max_recall_drop)} are allowed (p = {_p(p)}).")
        else:
            unproven.append(f"{_drop(label, each)}, which may be chance on so few images (p = {_p(p)}): have a look.")
    return proven, unproven


def _doubts(comparison: Comparison, policy: GatePolicy) -> list[str]:
    doubts = []
    if comparison.n == 0:
        doubts.append("Candidate and champion have no image of a shared class to be compared on.")
    elif comparison.n < policy.min_test_images:
        doubts.append(f"Only {_images(comparison.n)} can be compared; the policy asks for {policy.min_test_images}.")
    if comparison.champion_only_labels:
        doubts.append(
            f"The candidate does not know {_names(comparison.champion_only_labels)}, which the champion does."
        )
    return doubts


def _is_better(comparison: Comparison, policy: GatePolicy) -> bool:
    if comparison.difference <= 0 or comparison.difference < policy.min_gain:
        return False
    if comparison.mcnemar_p < policy.significance:
        return True
    return comparison.difference >= policy.clear_gain and comparison.mcnemar_p < policy.clear_gain_significance


def _verdict(comparison: Comparison, policy: GatePolicy) -> list[str]:
    facts = _against(comparison)
    if _is_better(comparison, policy):
        better = f"The candidate is better than the champion by {_points(comparison.difference)}: {facts}."
        if comparison.mcnemar_p < policy.significance:
            return [better]
        return [better, f"From {_points(policy.clear_gain)} on, p below {policy.clear_gain_significance:g} is enough."]
    if comparison.difference > 0 and comparison.mcnemar_p < policy.significance:
        gain, asked = _points(comparison.difference), _points(policy.min_gain)
        return [f"The candidate is better by {gain}, but the policy asks for {asked}: {facts}."]
    if comparison.only_candidate + comparison.only_champion == 0:
        return [f"Candidate and champion are right on the same images: {facts}."]
    lower, upper = comparison.ci95
    return [
        f"No clear difference: {facts}.",
        f"The true difference lies between {_signed(lower)} and {_signed(upper)} with 95 % confidence.",
    ]


def _scope(comparison: Comparison) -> list[str]:
    if not comparison.excluded and not comparison.candidate_only_labels:
        return []
    names = _names(comparison.candidate_only_labels)
    return [
        f"Compared on the {len(comparison.labels)} shared classes; {_images(comparison.excluded)} of classes that the "
        f"champion does not know ({names}) are left out."
    ]


def _against(comparison: Comparison) -> str:
    return (
        f"{_percent(comparison.candidate_accuracy)} against {_percent(comparison.champion_accuracy)} on the same "
        f"{_images(comparison.n)}; only the candidate has {comparison.only_candidate} right, only the champion "
        f"{comparison.only_champion} (p = {_p(comparison.mcnemar_p)})"
    )


def _drop(label: str, each: ClassComparison) -> str:
    return (
        f"The recall of {label} falls from {_percent(each.champion_recall)} to {_percent(each.candidate_recall)} "
        f"on {_images(each.support)}"
    )


def _images(count: int) -> str:
    return "1 test image" if count == 1 else f"{count:,} test images"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _points(difference: float) -> str:
    return f"{100 * abs(difference):.1f} points"


def _signed(difference: float) -> str:
    return f"{100 * difference:+.1f} points"


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def _names(labels: list[str]) -> str:
    return ", ".join(labels)
