from __future__ import annotations

import io

from PIL import Image

from flowerops.reports.curves import render_curves

HISTORY = {
    "loss": [2.0, 1.0, 0.5],
    "val_loss": [2.0, 1.2, 1.4],
    "accuracy": [0.1, 0.5, 0.9],
    "val_accuracy": [0, 0.4, 0.5],
}


def test_both_quantities_are_drawn_with_both_lines():
    picture = render_curves(HISTORY)
    assert picture is not None
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.mode) == ("PNG", "RGB")
    left, right = image.crop((0, 0, image.width // 2, image.height)), image.crop((image.width // 2, 0, *image.size))
    for half in (left, right):
        colours = {colour for _, colour in half.getcolors(1 << 20)}
        assert (31, 111, 235) in colours  # validation
        assert (138, 109, 59) in colours  # training
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_the_same_history_gives_the_same_bytes():
    assert render_curves(HISTORY) == render_curves(HISTORY)


def test_a_single_epoch_is_no_curve():
    assert render_curves({"loss": [1.0], "val_loss": [1.0]}) is None
    assert render_curves({}) is None


def test_values_that_are_no_numbers_leave_a_gap():
    assert render_curves({"loss": [1.0, float("nan"), 0.5]}) is not None
