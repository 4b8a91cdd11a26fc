from __future__ import annotations

import io

import numpy as np
from PIL import Image

from flowerops.reports.overlay import AGAINST, FOR, Explained, overlay, render_explanation

PHOTO = Image.new("RGB", (120, 80), (90, 140, 90))


def nearer(pixel, one, other):
    return np.abs(pixel - np.array(one)).sum() < np.abs(pixel - np.array(other)).sum()


def test_what_speaks_for_the_class_is_orange_and_what_speaks_against_it_blue():
    mixed = np.asarray(overlay(PHOTO, np.array([[3.0, 0.0, -3.0]], np.float32)), np.float64)
    assert mixed.shape == (80, 120, 3)
    assert nearer(mixed[40, 5], FOR, AGAINST)
    assert nearer(mixed[40, 115], AGAINST, FOR)


def test_what_hardly_matters_is_hardly_coloured():
    plain = np.asarray(overlay(PHOTO, np.zeros((3, 3), np.float32)), np.float64)
    faint = np.asarray(overlay(PHOTO, np.full((3, 3), 0.001, np.float32)), np.float64)
    assert np.abs(plain - faint).max() < 5


def test_the_picture_holds_any_names():
    shown = Explained(
        photo=PHOTO,
        grid=np.ones((2, 3), np.float32),
        label="a very long name " * 9,
        probabilities={"a very long name " * 9: 0.6, "b\nc": 0.4},
        caption="x" * 900,
    )
    picture = Image.open(io.BytesIO(render_explanation(shown)))
    assert picture.format == "PNG"
    assert picture.width > 2 * PHOTO.width
