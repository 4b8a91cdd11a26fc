"""A search with the small net; its trials are short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowerops.domain.params import TrainParams
from flowerops.domain.progress import SilentProgress
from flowerops.domain.search import Trial, Tuning, with_values
from flowerops.errors import BadInputError
from flowerops.ml.checkpoint_place import TUNING_FILE, CheckpointPlace
from flowerops.ml.fit import Training, train
from flowerops.ml.tuning import shared_features, tune
from helpers.image_source import coloured

LABELS = ["red", "green", "blue"]
PARAMS = TrainParams(backbone="cnn", epochs=1, tune=3, batch_size=16)
SIZE = 44


def answers(tuning: Tuning) -> list[dict]:  # type: ignore[type-arg]
    return [trial.model_dump(exclude={"seconds"}) for trial in tuning.trials]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Training:
    learn, held_out = coloured(45, SIZE, 3, seed=1), coloured(12, SIZE, 3, seed=2)
    return Training(learn, held_out, LABELS, SIZE, "pad", PARAMS, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def whole(work: Training) -> Tuning:
    return tune(work, SilentProgress(), lambda *_: None).tuning


def test_the_first_trial_is_what_was_asked_for_and_the_others_differ(work: Training, whole: Tuning) -> None:
    assert [trial.number for trial in whole.trials] == [1, 2, 3]
    assert whole.trials[0].values == {}
    for trial in whole.trials[1:]:
        assert set(trial.values) == {"learning_rate", "label_smoothing"}
        assert 1e-4 <= trial.values["learning_rate"] <= 1e-2
    assert whole.trials[1].values != whole.trials[2].values
    assert whole.best.val_loss == min(trial.val_loss or 9 for trial in whole.trials)


def test_training_with_the_best_parameters_gives_what_the_trial_gave(work: Training, whole: Tuning) -> None:
    params = with_values(PARAMS, dict(whole.best.values))
    trained = train(replace(work, params=params), SilentProgress(), lambda *_: None)
    assert trained.metrics["val_loss"] == pytest.approx(whole.best.val_loss, abs=1e-7)


def test_an_interrupted_search_goes_on_and_ends_as_if_it_had_not_been(
    work: Training, whole: Tuning, tmp_path: Path
) -> None:
    placed = replace(work, checkpoints=CheckpointPlace(tmp_path, None, "data"))

    def interrupt(trial: Trial, known: bool) -> None:
        if trial.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(placed, SilentProgress(), interrupt)
    heard: list[tuple[int, bool]] = []
    found = tune(placed, SilentProgress(), lambda trial, known: heard.append((trial.number, known)))
    assert heard == [(1, True), (2, True), (3, False)]
    assert answers(found.tuning) == answers(whole)
    assert len(Tuning.from_json((tmp_path / TUNING_FILE).read_bytes(), "").trials) == 3


def test_trials_of_another_search_and_a_damaged_file_are_not_used(work: Training, tmp_path: Path) -> None:
    placed = replace(work, checkpoints=CheckpointPlace(tmp_path, None, "data"))
    (tmp_path / TUNING_FILE).write_text("{")
    heard: list[bool] = []

    def stop(trial: Trial, known: bool) -> None:
        heard.append(known)
        raise KeyboardInterrupt

    for seed in (PARAMS.seed, PARAMS.seed, 7):
        with pytest.raises(KeyboardInterrupt):
            tune(replace(placed, params=PARAMS.model_copy(update={"seed": seed})), SilentProgress(), stop)
    assert heard == [False, True, False]
    with CheckpointPlace(tmp_path, None, "data").held(fresh=True):
        assert not (tmp_path / TUNING_FILE).exists()


def test_where_all_is_fixed_there_is_nothing_to_tune(work: Training) -> None:
    fixed = PARAMS.model_copy(update={"learning_rate": 0.01, "label_smoothing": 0.1})
    with pytest.raises(BadInputError, match="nothing to tune"):
        tune(replace(work, params=fixed), SilentProgress(), lambda *_: None)


def test_without_a_cache_the_trials_share_one_that_goes_away(work: Training) -> None:
    uncached = replace(work, params=PARAMS.model_copy(update={"cache": False}))
    with shared_features(uncached) as shared:
        assert shared.params.cache
        assert shared.cache_dir.parent == work.cache_dir
    assert not shared.cache_dir.exists()
