"""The promotion gate: may this candidate replace the champion? A pure function of facts and policy."""

from __future__ import annotations

from typing import Literal

from flowerops.domain.documents import Document
from flowerops.domain.evaluation import ClassComparison, Comparison, Cost, Metrics
from flowerops.domain.gate_floors import failures as failures_of
from flowerops.domain.gate_words import chance, images, names, percent, points, signed
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


def decide(candidate: Metrics, comparison: Comparison | None, policy: GatePolicy, cost: Cost | None = None) -> Decision:
    """Decide about a candidate.

    1. Floors and caps (test images, accuracy, recall of a class, calibration, latency, size) reject with or without a
       champion; see `flowerops.domain.gate_floors`.
    2. Without a champion, a candidate above the floors is the first.
    3. Significantly worse overall (p of `test` below `significance`) rejects. So does a class whose recall falls by
       more than `max_recall_drop`, if chance is ruled out: a one-sided sign test on the images of the class that only
       one model has right, at `significance` divided by the number of classes. So an equally good candidate
       is refused for the luck of the draw on some class in at most `significance` of all cases, however
       many classes there are, and a class of fewer than six images never decides. A drop that may be chance is told.
    4. Better by `min_gain` or more promotes if it is significant, or if the gain is at least `clear_gain` and p below
       the milder `clear_gain_significance`. The second way exists because test splits are small: simulated with 4 to
       10 % of 400 images answered differently, a true gain of two points is significant in 19 to 44 % of the draws,
       and passes in 43 to 55 % with the second way; an equally good candidate then passes in 3 to 7 % instead of
       1 to 2 %, which costs little, as it is about as good as the champion.
       Where `min_macro_f1_gain` is set, macro-F1 must gain that much as well.
    5. Anything else is inconclusive: also when the models share no class or fewer than `min_test_images` images, and
       when the candidate has lost a class that the champion knows.

    Args:
        candidate: The candidate on its whole test split.
        comparison: Candidate and champion on the same images; None when there is no champion.
        policy: Thresholds.
        cost: Latency and size of the candidate; None where nobody measured them, which no cap forgives.
    """
    failures = failures_of(candidate, policy, cost)
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


def _standing(candidate: Metrics, policy: GatePolicy) -> str:
    lower, upper = candidate.ci95
    floor = f"; the floor is {percent(policy.min_accuracy)}" if policy.min_accuracy else ""
    return (
        f"The accuracy is {percent(candidate.accuracy)} on {images(candidate.n)} "
        f"(95 % interval {percent(lower)} to {percent(upper)}){floor}."
    )


def _worse(comparison: Comparison, policy: GatePolicy) -> list[str]:
    if comparison.difference >= 0 or p_of(comparison, policy) >= policy.significance:
        return []
    return [
        f"The candidate is worse than the champion by {points(comparison.difference)}: {_against(comparison, policy)}."
    ]


def _dropped_classes(comparison: Comparison, policy: GatePolicy) -> tuple[list[str], list[str]]:
    """Sentences on classes whose recall fell too far: those where chance is ruled out, and the others."""
    proven, unproven = [], []
    limit = policy.significance / max(1, len(comparison.per_class))
    for label, each in comparison.per_class.items():
        if each.champion_recall - each.candidate_recall <= policy.max_recall_drop:
            continue
        p = sign_test(each.only_champion, each.only_candidate)
        if p < limit:
            proven.append(f"{_drop(label, each)}; at most {points(policy.max_recall_drop)} are allowed ({chance(p)}).")
        else:
            unproven.append(f"{_drop(label, each)}, which may be chance on so few images ({chance(p)}): have a look.")
    return proven, unproven


def _doubts(comparison: Comparison, policy: GatePolicy) -> list[str]:
    doubts = []
    if comparison.n == 0:
        doubts.append("Candidate and champion have no image of a shared class to be compared on.")
    elif comparison.n < policy.min_test_images:
        doubts.append(f"Only {images(comparison.n)} can be compared; the policy asks for {policy.min_test_images}.")
    if comparison.champion_only_labels:
        doubts.append(f"The candidate does not know {names(comparison.champion_only_labels)}, which the champion does.")
    return doubts


def p_of(comparison: Comparison, policy: GatePolicy) -> float:
    """Of the policy's test: two-sided, 0..1; a document that lacks the bootstrap's proves nothing by it."""
    if policy.test == "mcnemar":
        return comparison.mcnemar_p
    return 1.0 if comparison.bootstrap_p is None else comparison.bootstrap_p


def _is_better(comparison: Comparison, policy: GatePolicy) -> bool:
    enough = comparison.difference >= policy.min_gain and not _lacks_macro_f1(comparison, policy)
    return enough and _is_convincing(comparison, policy)


def _is_convincing(comparison: Comparison, policy: GatePolicy) -> bool:
    """Whether the candidate is better beyond chance, by however little."""
    p = p_of(comparison, policy)
    clear = comparison.difference >= policy.clear_gain and p < policy.clear_gain_significance
    return comparison.difference > 0 and (p < policy.significance or clear)


def _lacks_macro_f1(comparison: Comparison, policy: GatePolicy) -> bool:
    if policy.min_macro_f1_gain is None:
        return False
    return comparison.macro_f1_difference is None or comparison.macro_f1_difference < policy.min_macro_f1_gain


def _verdict(comparison: Comparison, policy: GatePolicy) -> list[str]:
    facts = _against(comparison, policy)
    if _is_better(comparison, policy):
        better = f"The candidate is better than the champion by {points(comparison.difference)}: {facts}."
        if p_of(comparison, policy) < policy.significance:
            return [better]
        return [better, f"From {points(policy.clear_gain)} on, p below {policy.clear_gain_significance:g} is enough."]
    if _is_convincing(comparison, policy):
        return _too_little(comparison, policy, facts)
    if comparison.only_candidate + comparison.only_champion == 0:
        return [f"Candidate and champion are right on the same images: {facts}."]
    lower, upper = comparison.ci95
    return [
        f"No clear difference: {facts}.",
        f"The true difference lies between {signed(lower)} and {signed(upper)} with 95 % confidence.",
    ]


def _too_little(comparison: Comparison, policy: GatePolicy, facts: str) -> list[str]:
    """Better beyond chance, but by less than the policy asks for."""
    gain = points(comparison.difference)
    if comparison.difference < policy.min_gain:
        return [f"The candidate is better by {gain}, but the policy asks for {points(policy.min_gain)}: {facts}."]
    difference = comparison.macro_f1_difference
    by = "an unknown difference" if difference is None else signed(difference)
    asked = signed(policy.min_macro_f1_gain or 0.0)
    return [
        f"The candidate is better by {gain}, but macro-F1 differs by {by}, and the policy asks for {asked}: {facts}."
    ]


def _scope(comparison: Comparison) -> list[str]:
    if not comparison.excluded and not comparison.candidate_only_labels:
        return []
    unknown = names(comparison.candidate_only_labels)
    return [
        f"Compared on the {len(comparison.labels)} shared classes; {images(comparison.excluded)} of classes that the "
        f"champion does not know ({unknown}) are left out."
    ]


def _against(comparison: Comparison, policy: GatePolicy) -> str:
    test = "bootstrap " if policy.test == "bootstrap" else ""
    return (
        f"{percent(comparison.candidate_accuracy)} against {percent(comparison.champion_accuracy)} on the same "
        f"{images(comparison.n)}; only the candidate has {comparison.only_candidate} right, only the champion "
        f"{comparison.only_champion} ({test}{chance(p_of(comparison, policy))})"
    )


def _drop(label: str, each: ClassComparison) -> str:
    return (
        f"The recall of {label} falls from {percent(each.champion_recall)} to {percent(each.candidate_recall)} "
        f"on {images(each.support)}"
    )
