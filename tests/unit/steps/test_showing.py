from __future__ import annotations

import base64
from collections import Counter

import numpy as np
import pytest

from flowerops.domain.bundle import Geometry
from flowerops.steps.showing import Answers, gallery
from flowerops.steps.testsets import TestSet

LABELS = ["daisy", "roses", "tulips", "weeds"]


def noisy(count: int) -> tuple[Answers, TestSet]:
    """Photos of pure noise, which no JPEG makes small; one in ten is misclassified."""
    rng = np.random.default_rng(3)
    truth = np.arange(count) % len(LABELS)
    said = np.where(np.arange(count) % 10 == 0, (truth + 1) % len(LABELS), truth)
    chances = np.full((count, len(LABELS)), 0.1, np.float32)
    chances[np.arange(count), said] = rng.uniform(0.6, 0.7, count)
    pixels = rng.integers(0, 256, (64, 96, 96, 3), dtype=np.uint8)
    test = TestSet(
        names=[f"{LABELS[label]}/{number}.jpg" for number, label in enumerate(truth)],
        labels=LABELS,
        truth=truth,
        geometry=Geometry(size=96),
        prepared=lambda indices: pixels[np.asarray(indices) % len(pixels)],
        original=None,
        keys=[""] * count,
        sizes=[(96, 96)] * count,
    )
    return Answers(LABELS, truth, chances), test


def test_all_photos_of_a_usual_test_set_are_behind_the_matrix_and_none_twice() -> None:
    answers, test = noisy(200)
    shown = answers.wrong()[:5]
    small = gallery(answers, test, shown)
    assert len({one.path for one in small}) == len(small) == 195
    assert {test.names[index] for index in shown}.isdisjoint(one.path for one in small)
    assert [one.confidence for one in small] == sorted(one.confidence for one in small)


def test_of_too_many_the_mistakes_come_first_and_every_class_has_its_turn() -> None:
    answers, test = noisy(1500)
    small = gallery(answers, test, [])
    encoded = sum(len(base64.b64encode(one.jpeg)) for one in small)
    assert encoded < 1_800_000
    assert sum(one.true != one.predicted for one in small) == 150
    right = Counter(one.true for one in small if one.true == one.predicted)
    assert set(right) == set(LABELS)
    assert max(right.values()) - min(right.values()) <= 1


@pytest.mark.parametrize("count", [1, 4])
def test_there_may_be_nothing_left_to_show(count: int) -> None:
    answers, test = noisy(count)
    assert gallery(answers, test, list(range(count))) == []
