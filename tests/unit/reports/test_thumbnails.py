from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from flowerops.reports.thumbnails import SIDE, thumbnail


def opened(data):
    return Image.open(BytesIO(data))


def test_a_thumbnail_is_a_small_jpeg_without_the_letterbox():
    square = np.full((224, 224, 3), 255, dtype=np.uint8)
    square[40:184] = np.random.default_rng(1).integers(0, 200, (144, 224, 3))
    image = opened(thumbnail(square))
    assert image.format == "JPEG"
    assert image.size == (SIDE, round(SIDE * 144 / 224))


def test_a_small_or_white_picture_stays_as_it_is():
    assert opened(thumbnail(np.full((50, 60, 3), 255, dtype=np.uint8))).size == (60, 50)
    assert opened(thumbnail(np.zeros((1, 1, 3), dtype=np.uint8))).size == (1, 1)
