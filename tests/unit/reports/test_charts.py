from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowerops.domain.evaluation import ReliabilityBin
from flowerops.reports import charts

numbers = st.floats(-1e4, 1e4)


@given(numbers, numbers)
def test_ticks_are_even_and_span_the_values(one, other):
    lower, upper = sorted((one, other))
    ticks = charts.nice_ticks(lower, upper)
    slack = 1e-6 * max(1, abs(lower), abs(upper))
    assert ticks[0] <= lower + slack
    assert ticks[-1] >= upper - slack
    assert 2 <= len(ticks) <= 8
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-6, abs=1e-9)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=60), st.lists(st.floats(0, 100), max_size=60))
def test_learning_curves_stay_inside_the_plot(train, val):
    (chart,) = charts.learning_charts({"loss": train, "val_loss": val})
    for series in chart.series:
        for point in series.points.split():
            x, y = map(float, point.split(","))
            assert charts.LEFT - 0.1 <= x <= charts.WIDTH - charts.RIGHT + 0.1
            assert charts.TOP - 0.1 <= y <= charts.HEIGHT - charts.BOTTOM + 0.1


def test_loss_comes_first_and_training_and_validation_share_a_chart():
    made = charts.learning_charts({"val_accuracy": [0.1, 0.2], "accuracy": [0.1, 0.3], "loss": [2.0, 1.0]})
    assert [(chart.title, [series.kind for series in chart.series]) for chart in made] == [
        ("loss", ["train"]),
        ("accuracy", ["train", "val"]),
    ]


def test_one_epoch_makes_no_curve_and_a_loss_that_blew_up_no_error():
    assert charts.learning_charts({"loss": [1.0]}) == []
    assert charts.learning_charts({"loss": [math.nan, math.nan]}) == []
    (chart,) = charts.learning_charts({"loss": [1.0, math.inf, 3.0], "val_loss": [math.nan, 2.0, 1.0]})
    assert [len(series.points.split()) for series in chart.series] == [2, 2]
    assert chart.best.text == "lowest in epoch 3: 1.000"


def test_only_groups_with_images_get_a_dot():
    empty = ReliabilityBin(lower=0, upper=0.5, count=0, confidence=None, accuracy=None)
    full = ReliabilityBin(lower=0.5, upper=1, count=8, confidence=0.75, accuracy=0.5)
    (dot,) = charts.reliability_dots([empty, full], 200)
    assert (dot.x, dot.y, dot.bar) == (150, 100, 1)
    assert dot.upper < dot.y < dot.lower
    assert dot.text == "8 images: 75 % sure, right in 50 %"


def test_the_number_line_is_symmetric_and_holds_the_interval():
    line = charts.number_line(0.02, (-0.01, 0.05))
    assert 0 <= line.lower < 50 < line.at < line.upper <= 100
    assert charts.number_line(0.0, (0.0, 0.0)).at == 50
