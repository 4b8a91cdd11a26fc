from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flowerops.serving.occlusion import occlude
from flowerops.serving.scorer import Scorer
from helpers.tiny_bundle import COLOURS

DAISY, ROSES = (np.array(colour, np.uint8) for colour in COLOURS[:2])
GREY = np.array([128, 128, 128], np.uint8)


@pytest.fixture(scope="module")
def scorer(tiny_bundle: Path) -> Scorer:
    """It knows a class by the mean colour."""
    return Scorer.load(tiny_bundle)


def square(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    pixels = np.empty((32, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = left, right
    return pixels


def test_the_part_that_shows_the_class_speaks_for_it_and_the_other_against(scorer: Scorer) -> None:
    found = occlude(scorer, square(ROSES, GREY), cells=4)
    assert found.label == "roses"
    assert found.grid.shape == (4, 4)
    assert (found.grid[:, 0] > 0).all()
    assert (found.grid[:, 3] < 0).all()
    assert 0 < found.largest_drop < 1


def test_another_class_can_be_asked_for(scorer: Scorer) -> None:
    roses, daisy = (occlude(scorer, square(ROSES, DAISY), cells=4, label=label) for label in ("roses", "daisy"))
    assert daisy.label == "daisy"
    assert daisy.grid == pytest.approx(-roses.grid, abs=1e-3)  # of two classes one's gain is the other's loss


def test_a_photo_of_one_colour_has_no_part_that_matters(scorer: Scorer) -> None:
    found = occlude(scorer, square(ROSES, ROSES))
    assert np.abs(found.grid).max() == 0
    assert found.largest_drop == 0


def test_the_letterbox_is_no_part_of_the_photo(scorer: Scorer) -> None:
    pixels = np.full((32, 32, 3), 255, np.uint8)
    pixels[8:24] = square(ROSES, GREY)[8:24]
    found = occlude(scorer, pixels, cells=8, label="roses")
    assert found.grid.shape == (4, 8)
    assert (found.grid[:, 0] > 0).all()


def test_tiny_and_all_white_pictures_are_explained_too(scorer: Scorer) -> None:
    speck = np.full((32, 32, 3), 255, np.uint8)
    speck[15, 15] = 0
    for pixels in (speck, np.full((32, 32, 3), 255, np.uint8)):
        assert np.isfinite(occlude(scorer, pixels).grid).all()
