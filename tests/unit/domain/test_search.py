"""What a search may change: only what the user left open."""

from __future__ import annotations

import pytest

from flowerops.domain.params import TrainParams
from flowerops.domain.search import Choices, Trial, Tuning, planned_search, search_space, with_values


def test_what_is_open_is_searched():
    assert set(search_space(TrainParams())) == {"learning_rate", "weight_decay", "label_smoothing", "batch_size"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0.01), ("weight_decay", 0.0), ("label_smoothing", 0.1), ("batch_size", 8)],
)
def test_what_is_given_is_not_searched(name, value):
    assert name not in search_space(TrainParams(**{name: value}))


def test_the_small_net_has_no_penalty_to_search():
    assert set(search_space(TrainParams(backbone="cnn"))) == {"learning_rate", "label_smoothing", "batch_size"}


@pytest.mark.parametrize(("asked", "depths"), [(3, [0, 1, 2, 3]), (1, [0, 1]), ("all", [0, 2, 4, -1])])
def test_fine_tuning_is_searched_where_it_was_asked_for(asked, depths):
    space = search_space(TrainParams(fine_tune=asked))
    assert space["fine_tune"] == Choices(values=depths)
    assert "fine_tune_learning_rate" in space


def test_a_trial_has_whole_numbers_where_they_must_be_and_searches_no_further():
    params = with_values(TrainParams(tune=5, seed=3), {"batch_size": 64.0, "fine_tune": -1.0, "learning_rate": 0.5})
    assert (params.batch_size, params.fine_tune, params.learning_rate) == (64, -1, 0.5)
    assert (params.tune, params.seed) == (None, 3)


def test_the_best_trial_is_the_first_with_the_lowest_loss():
    losses = [None, 0.5, 0.25, 0.25]
    trials = [Trial(number=at, values={}, val_loss=loss, epochs=1, seconds=1) for at, loss in enumerate(losses, 1)]
    tuning = Tuning(search="x", space={}, trials=trials)
    assert tuning.best.number == 3
    assert Tuning.from_json(tuning.to_json(), "tuning.json") == tuning


def test_a_plan_says_what_would_be_searched():
    assert planned_search(TrainParams()) == {}
    plan = planned_search(TrainParams(tune=4, batch_size=8, label_smoothing=0.1, weight_decay=0.1))
    assert plan["tuning"]["trials"] == 4
    assert plan["tuning"]["space"] == {"learning_rate": {"kind": "log_range", "low": 3e-4, "high": 3e-2}}
