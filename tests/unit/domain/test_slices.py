from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from flowerops.domain.slices import Answer, size_band, slice_scores


def answer(path="daisy/1.jpg", right=True, width=300, height=200, true="daisy"):
    return Answer(path, width, height, true, true if right else "roses")


def by(kind, found):
    return {one.name: one for one in found if one.by == kind}


@pytest.mark.parametrize(
    ("size", "band"),
    [
        ((95, 60), "below 96 px"),
        ((60, 96), "96 to 191 px"),
        ((383, 10), "192 to 383 px"),
        ((384, 10), "384 px and more"),
    ],
)
def test_the_bands_double_from_the_models_input_on(size, band):
    assert size_band(*size, side=96) == band


def test_small_photos_are_told_apart_and_called_weak_beyond_doubt():
    large = [answer(width=400) for _ in range(50)]
    small = [answer(width=50, height=40, right=number < 4) for number in range(20)]
    found = by("size", slice_scores(large + small, side=96))
    assert list(found) == ["below 96 px", "384 px and more"]
    assert (found["below 96 px"].n, found["below 96 px"].accuracy, found["below 96 px"].weak) == (20, 0.2, True)
    assert not found["384 px and more"].weak
    mostly = [answer(width=50, height=40, right=number < 18) for number in range(20)]
    assert not any(one.weak for one in slice_scores(large + mostly, side=96))


def test_folders_below_the_class_are_parts_and_the_class_folder_itself_is_none():
    flat = [answer("daisy/1.jpg"), answer("roses/2.jpg", true="roses")]
    assert not by("folder", slice_scores(flat, side=96))
    deep = [answer("daisy/phone/1.jpg"), answer("roses/phone/2.jpg", true="roses"), answer("daisy/3.jpg")]
    assert {name: one.n for name, one in by("folder", slice_scores(deep, side=96)).items()} == {".": 1, "phone": 2}


def test_groups_are_what_the_pattern_finds_and_what_it_does_not_find_is_left_out():
    photos = [answer(f"daisy/{who}_{number}.jpg") for who in ("ann", "bob") for number in range(3)]
    found = by("group", slice_scores([*photos, answer("daisy/9.jpg")], side=96, group_by=r"/([a-z]+)_"))
    assert {name: one.n for name, one in found.items()} == {"ann": 3, "bob": 3}


def test_one_group_an_image_does_not_flood_the_report():
    photos = [answer(f"daisy/{number}.jpg") for number in range(500)]
    assert len(by("group", slice_scores(photos, side=96, group_by=r"\d+"))) == 40


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.sampled_from([50, 500])), min_size=1))
def test_the_scores_are_those_of_scikit_learn(seen):
    answers = [Answer(f"{true}/x.jpg", width, 10, true, called) for true, called, width in seen]
    found = by("size", slice_scores(answers, side=96))
    if not found:
        assert len({width for *_, width in seen}) == 1
        return
    assert sum(one.n for one in found.values()) == len(seen)
    for name, one in found.items():
        part = [each for each in answers if size_band(each.width, each.height, 96) == name]
        truth, called = [each.true for each in part], [each.predicted for each in part]
        assert one.accuracy == pytest.approx(np.mean([a == b for a, b in zip(truth, called, strict=True)]))
        expected = f1_score(truth, called, labels=sorted(set(truth)), average="macro", zero_division=0)
        assert one.macro_f1 == pytest.approx(expected)
        assert one.ci95[0] <= one.accuracy <= one.ci95[1]
