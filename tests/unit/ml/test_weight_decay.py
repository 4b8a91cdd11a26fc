"""The weight decay that the validation split likes best."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from flowerops.ml.weight_decay import CANDIDATES, ShortFit, choose_weight_decay

HOW = ShortFit(3, 32, 0.01, 0.0, None, 42)
WIDTH = 200
Split = tuple[np.ndarray, np.ndarray]


def split(count: int, seed: int, *, noise: float) -> Split:
    """Three classes in three directions; the other features say nothing."""
    source = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 3
    features = np.eye(3, WIDTH)[labels] + source.normal(0, noise, (count, WIDTH))
    return features.astype(np.float32), labels


def test_few_noisy_examples_want_a_stronger_penalty_than_many_clear_ones() -> None:
    val = split(120, 9, noise=0.6)
    few = choose_weight_decay(split(45, 1, noise=0.6), val, HOW)
    many = choose_weight_decay(split(3000, 1, noise=0.1), split(120, 9, noise=0.1), HOW)
    assert few > many
    assert {few, many} <= set(CANDIDATES)


@pytest.mark.parametrize("how", [HOW, dataclasses.replace(HOW, label_smoothing=0.1, class_weight={0: 2.0, 1: 1, 2: 1})])
def test_the_same_arguments_give_the_same_choice(how: ShortFit) -> None:
    train, val = split(90, 1, noise=0.5), split(60, 2, noise=0.5)
    candidates = tuple(np.geomspace(1e-4, 1e-1, 12).tolist())
    assert len({choose_weight_decay(train, val, how, candidates) for _ in range(3)}) == 1


def test_a_candidate_that_diverges_is_not_chosen() -> None:
    train, val = split(90, 1, noise=0.5), split(60, 2, noise=0.5)
    assert choose_weight_decay(train, val, HOW, (float("nan"), 1e-2)) == 1e-2


def test_a_whole_split_larger_than_what_is_judged_is_looked_at_all_over() -> None:
    train = split(90, 1, noise=0.3)
    val = split(9000, 2, noise=0.3)
    ordered = np.argsort(val[1], kind="stable")  # the first 4,096 alone would know two classes
    assert choose_weight_decay(train, (val[0][ordered], val[1][ordered]), HOW) in CANDIDATES
