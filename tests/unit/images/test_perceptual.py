from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from flowerops.images import Fingerprint, prepare_image
from flowerops.images.perceptual import fingerprint
from helpers.photos import encoded, picture


def distance(one: Fingerprint, other: Fingerprint) -> int:
    return (one.dhash ^ other.dhash).bit_count()


def test_each_bit_says_whether_the_neighbour_to_the_right_or_below_is_brighter():
    rising = np.tile(np.arange(9, dtype=np.uint8) * 20, (9, 1))
    falling = rising[:, ::-1].copy()
    fields = (rising, falling, rising.T.copy(), falling.T.copy())
    hashes = [fingerprint(Image.fromarray(grey).convert("RGB")).dhash for grey in fields]
    assert hashes == [(2**64 - 1) << 64, 0, 2**64 - 1, 0]


def test_the_average_colour_is_the_images():
    halves = np.zeros((8, 18, 3), np.uint8)
    halves[:, :9] = (200, 100, 0)
    halves[:, 9:] = (100, 200, 50)
    assert fingerprint(Image.fromarray(halves)).mean_rgb == (150, 150, 25)


@pytest.mark.parametrize("number", range(5))
def test_a_recoded_or_resized_copy_has_nearly_the_same_fingerprint(number):
    original = picture(number, (640, 480))
    base = prepare_image(encoded(original, "PNG"), 224).fingerprint()
    copies = [encoded(original, quality=40), encoded(original.resize((320, 240)), "WEBP", quality=80)]
    for copy in copies:
        found = prepare_image(copy, 224).fingerprint()
        assert distance(base, found) <= 6
        assert np.abs(np.subtract(base.mean_rgb, found.mean_rgb)).max() <= 3


def test_different_pictures_have_different_fingerprints():
    prints = [prepare_image(encoded(picture(number)), 64).fingerprint() for number in range(30)]
    assert min(distance(one, other) for index, one in enumerate(prints) for other in prints[:index]) > 16


def test_padding_plays_no_part():
    wide = picture(2, (400, 200))
    padded = prepare_image(encoded(wide, "PNG"), 128, "pad").fingerprint()
    stretched = prepare_image(encoded(wide, "PNG"), 128, "stretch").fingerprint()
    assert distance(padded, stretched) <= 1
