from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as oracle

from flowerops.domain.comparison import compare
from flowerops.domain.evaluation import Comparison, Metrics
from flowerops.domain.metrics import score
from flowerops.errors import BadInputError

LABELS = ["daisy", "roses", "tulips"]


def softmax(logits):
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


@st.composite
def scored(draw, classes=3):
    n = draw(st.integers(1, 40))
    truth = draw(arrays.arrays(np.int64, n, elements=st.integers(0, classes - 1)))
    logits = draw(arrays.arrays(np.float64, (n, classes), elements=st.floats(-6, 6)))
    return truth, softmax(logits)


def one_hot(predicted, classes=3):
    return np.eye(classes)[predicted]


@given(scored())
def test_the_numbers_are_those_of_scikit_learn(case):
    truth, chances = case
    predicted = chances.argmax(1)
    present = sorted(set(truth.tolist()))
    found = score(LABELS, truth, chances, bootstrap_samples=100)
    assert found.accuracy == pytest.approx(oracle.accuracy_score(truth, predicted))
    assert found.macro_f1 == pytest.approx(
        oracle.f1_score(truth, predicted, labels=present, average="macro", zero_division=0)
    )
    assert found.weighted_f1 == pytest.approx(oracle.f1_score(truth, predicted, average="weighted", zero_division=0))
    assert found.log_loss == pytest.approx(oracle.log_loss(truth, chances, labels=[0, 1, 2]), rel=1e-6, abs=1e-9)
    recalls = oracle.recall_score(truth, predicted, labels=[0, 1, 2], average=None, zero_division=0)
    assert [found.per_class[label].recall for label in LABELS] == pytest.approx(recalls)
    assert found.balanced_accuracy == pytest.approx(np.mean([recalls[each] for each in present]))
    assert found.confusion == oracle.confusion_matrix(truth, predicted, labels=[0, 1, 2]).tolist()


@given(scored())
def test_shares_are_shares_and_intervals_contain_their_number(case):
    truth, chances = case
    found = score(LABELS, truth, chances, bootstrap_samples=100)
    assert 0 <= found.ci95[0] <= found.accuracy <= found.ci95[1] <= 1
    assert found.accuracy <= found.top2_accuracy <= found.top3_accuracy == 1
    assert 0 <= found.ece <= 1
    assert sum(each.count for each in found.reliability) == found.n == len(truth)
    assert sum(each.support for each in found.per_class.values()) == found.n
    assert sum(map(sum, found.confusion)) == found.n


def test_the_document_has_the_agreed_names_and_survives_json():
    found = score(LABELS, [0, 1, 2, 2], one_hot([0, 1, 2, 1]))
    document = json.loads(found.to_json())
    assert document["accuracy"] == 0.75
    assert len(document["ci95"]) == 2
    assert document["per_class"]["tulips"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
        "roc_auc": 0.75,
        "recall_ci95": [pytest.approx(0.0945, abs=1e-3), pytest.approx(0.9055, abs=1e-3)],
    }
    assert Metrics.from_json(found.to_json(), "metrics.json") == found


def test_ten_right_of_ten_still_leave_doubt():
    found = score(LABELS, [0] * 10, one_hot([0] * 10))
    assert found.accuracy == 1
    assert found.ci95[0] == pytest.approx(0.722, abs=0.001)


def test_a_class_without_images_does_not_pull_the_averages_down():
    found = score(LABELS, [0, 0, 1, 1], one_hot([0, 0, 1, 1]))
    assert found.macro_f1 == found.balanced_accuracy == 1
    assert found.per_class["tulips"].support == 0
    assert found.per_class["tulips"].recall_ci95 == (0, 1)


def test_a_model_that_is_right_as_often_as_it_says_is_calibrated():
    chances = np.tile([0.8, 0.2], (10, 1))
    found = score(["a", "b"], [0] * 8 + [1] * 2, chances)
    assert found.ece == pytest.approx(0, abs=1e-12)
    overconfident = score(["a", "b"], [0] * 5 + [1] * 5, chances)
    assert overconfident.ece == pytest.approx(0.3)
    used = [each for each in overconfident.reliability if each.count]
    assert [(each.count, round(each.confidence, 6), each.accuracy) for each in used] == [(10, 0.8, 0.5)]


def test_the_same_seed_gives_the_same_intervals():
    rng = np.random.default_rng(3)
    truth, chances = rng.integers(0, 3, 50), softmax(rng.normal(size=(50, 3)))
    assert score(LABELS, truth, chances, seed=1) == score(LABELS, truth, chances, seed=1)
    assert score(LABELS, truth, chances, seed=1).macro_f1_ci95 != score(LABELS, truth, chances, seed=2).macro_f1_ci95


@pytest.mark.parametrize(
    ("truth", "chances", "said"),
    [
        ([], np.zeros((0, 3)), "no labelled images"),
        ([0, 3], one_hot([0, 1]), "not indices below 3"),
        ([0, -1], one_hot([0, 1]), "not indices below 3"),
        ([0.5, 1.0], one_hot([0, 1]), "not indices below 3"),
        ([0, 1], np.ones((2, 2)) / 2, r"\[2, 2\], not \[2, 3\]"),
        ([0, 1], np.array([[3.0, -1.0, -1.0], [1.0, 0.0, 0.0]]), "not probabilities"),
        ([0, 1], np.array([[np.nan, 0.5, 0.5], [1.0, 0.0, 0.0]]), "not probabilities"),
        ([0], np.array([[0.9, 0.9, 0.9]]), "not probabilities"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_words(truth, chances, said):
    with pytest.raises(BadInputError, match=said):
        score(LABELS, truth, chances)


@given(scored(), st.randoms(use_true_random=False))
def test_swapping_candidate_and_champion_mirrors_the_comparison(case, random):
    truth, chances = case
    other = chances[random.sample(range(len(truth)), len(truth))]
    one = compare(LABELS, truth, chances, LABELS, other)
    two = compare(LABELS, truth, other, LABELS, chances)
    assert one.difference == -two.difference
    assert one.mcnemar_p == two.mcnemar_p
    assert (one.only_candidate, one.only_champion) == (two.only_champion, two.only_candidate)
    assert one.both_right + one.only_candidate + one.only_champion + one.both_wrong == one.n == len(truth)
    assert one.candidate_accuracy - one.champion_accuracy == pytest.approx(one.difference)
    assert one.ci95[0] <= one.ci95[1]


def test_the_champion_may_name_its_classes_in_another_order():
    truth = np.array([0, 1, 2, 2, 1])
    reordered = ["tulips", "daisy", "roses"]
    as_champion = np.array([1, 2, 0, 0, 2])
    found = compare(LABELS, truth, one_hot(truth), reordered, one_hot(as_champion))
    assert found.candidate_accuracy == found.champion_accuracy == 1
    assert found.both_right == 5
    assert found.mcnemar_p == 1


def test_classes_that_only_one_model_knows_are_left_out_and_named():
    truth = np.array([0, 0, 1, 1, 2, 2])
    champion = one_hot(np.array([0, 0, 1, 0, 2, 2]))
    found = compare(LABELS, truth, one_hot(truth), ["daisy", "roses", "violets"], champion)
    assert found.labels == ["daisy", "roses"]
    assert (found.n, found.excluded) == (4, 2)
    assert (found.candidate_only_labels, found.champion_only_labels) == (["tulips"], ["violets"])
    assert (found.candidate_accuracy, found.champion_accuracy) == (1, 0.75)
    assert found.per_class["roses"].only_candidate == 1
    assert set(found.per_class) == {"daisy", "roses"}
    assert Comparison.from_json(found.to_json(), "comparison.json") == found


def test_models_without_a_shared_class_have_nothing_to_compare():
    found = compare(LABELS, [0, 1], one_hot([0, 1]), ["cat", "dog"], one_hot([0, 1], 2))
    assert (found.n, found.excluded, found.labels) == (0, 2, [])
    assert found.ci95 == (-1, 1)


@given(scored())
def test_the_areas_are_those_of_scikit_learn_and_unknown_where_there_is_nothing_to_tell_apart(case):
    truth, chances = case
    found = score(LABELS, truth, chances, bootstrap_samples=100)
    for index, label in enumerate(LABELS):
        area = found.per_class[label].roc_auc
        if 0 < (truth == index).sum() < len(truth):
            assert area == pytest.approx(oracle.roc_auc_score(truth == index, chances[:, index]))
        else:
            assert area is None
    known = [each.roc_auc for each in found.per_class.values() if each.roc_auc is not None]
    assert found.roc_auc == (pytest.approx(np.mean(known)) if known else None)
    if set(truth.tolist()) == {0, 1, 2}:
        assert found.roc_auc == pytest.approx(oracle.roc_auc_score(truth, chances, multi_class="ovr"))


@given(scored())
def test_the_comparison_has_the_macro_f1_of_both(case):
    truth, chances = case
    present = sorted(set(truth.tolist()))
    found = compare(LABELS, truth, chances, LABELS[::-1], chances, bootstrap_samples=100)
    expected = [
        oracle.f1_score(truth, said, labels=present, average="macro", zero_division=0)
        for said in (chances.argmax(1), chances[:, ::-1].argmax(1))
    ]
    assert [found.candidate_macro_f1, found.champion_macro_f1] == [
        pytest.approx(expected[0]),
        pytest.approx(oracle.f1_score(truth, 2 - chances.argmax(1), labels=present, average="macro", zero_division=0)),
    ]
    assert found.macro_f1_difference == pytest.approx(found.candidate_macro_f1 - found.champion_macro_f1)


@pytest.mark.parametrize(("n", "better", "worse"), [(100, 12, 5), (400, 20, 10), (60, 3, 0), (50, 4, 9)])
def test_the_exact_bootstrap_is_the_limit_of_the_simulated_one(n, better, worse):
    truth = np.zeros(n, dtype=int)
    candidate, champion = truth.copy(), truth.copy()
    champion[:better] = 1
    candidate[better : better + worse] = 1
    found = compare(LABELS, truth, one_hot(candidate), LABELS, one_hot(champion), bootstrap_samples=100)
    drawn = np.random.default_rng(1).multinomial(n, [better / n, worse / n, 1 - (better + worse) / n], size=200_000)
    wrong_side = (drawn[:, 0] <= drawn[:, 1]) if better > worse else (drawn[:, 0] >= drawn[:, 1])
    assert found.bootstrap_p == pytest.approx(2 * wrong_side.mean(), abs=0.004)
