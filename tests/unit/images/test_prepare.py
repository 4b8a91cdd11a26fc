from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from flowerops.images import ImageRejectedError, decode, prepare, prepare_image
from helpers.photos import encoded, picture, pixels_of

WHITE = np.array([255, 255, 255])


def coloured(width: int, height: int, colour: tuple[int, int, int] = (200, 30, 60)) -> bytes:
    return encoded(Image.new("RGB", (width, height), colour), "PNG")


# --- geometry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height", "top", "left"), [(100, 50, 16, 0), (50, 100, 0, 16), (70, 70, 0, 0)])
def test_pad_letterboxes_on_white_in_the_middle(width, height, top, left):
    found = prepare_image(coloured(width, height), 64, "pad").pixels
    expected = np.full((64, 64, 3), 255)
    expected[top : 64 - top, left : 64 - left] = (200, 30, 60)
    assert np.array_equal(found, expected)


def test_an_odd_rest_goes_to_the_bottom():
    found = prepare_image(coloured(64, 63), 64, "pad").pixels
    assert np.array_equal(found[63], np.tile(WHITE, (64, 1)))
    assert (found[:63] == (200, 30, 60)).all()


def test_crop_keeps_the_centre_square_and_nothing_else():
    stripes = np.zeros((40, 120, 3), np.uint8)
    stripes[:, :40], stripes[:, 40:80], stripes[:, 80:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    for image in (stripes, stripes.transpose(1, 0, 2).copy()):
        found = prepare_image(encoded(Image.fromarray(image), "PNG"), 40, "crop").pixels
        assert (found == (0, 255, 0)).all()


def test_stretch_fills_the_square_with_the_whole_image():
    stripes = np.zeros((30, 90, 3), np.uint8)
    stripes[:, :45] = 255
    found = prepare_image(encoded(Image.fromarray(stripes), "PNG"), 32, "stretch").pixels
    assert (found[:, :14] > 240).all()
    assert (found[:, 18:] < 15).all()


def test_a_square_of_the_right_size_passes_untouched():
    original = picture(5, (32, 32))
    for fit in ("pad", "crop", "stretch"):
        assert np.array_equal(prepare_image(encoded(original, "PNG"), 32, fit).pixels, pixels_of(original))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2000, 3), (3, 2000), (1, 900), (900, 1), (15, 17)])
@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_extreme_shapes_fit_too(width, height, fit, kind):
    found = prepare_image(encoded(Image.new("RGB", (width, height), (120, 120, 120)), kind), 64, fit)
    assert found.pixels.shape == (64, 64, 3)
    assert found.pixels.dtype == np.uint8
    assert (found.width, found.height) == (width, height)
    assert set(np.unique(found.pixels)) <= {119, 120, 121, 255}
    assert (found.pixels[31, 31] < 200).all()


@given(st.integers(1, 130), st.integers(1, 130), st.integers(16, 48))
@settings(max_examples=80, deadline=None)
def test_the_longer_side_fills_the_square_and_the_aspect_ratio_stays(width, height, size):
    found = prepare_image(coloured(width, height, (0, 0, 0)), size, "pad").pixels
    dark = (found < 128).all(axis=2)
    rows, columns = int(dark.any(axis=1).sum()), int(dark.any(axis=0).sum())
    assert max(rows, columns) == size
    assert abs(rows - max(1, height * size / max(width, height))) <= 0.5
    assert abs(columns - max(1, width * size / max(width, height))) <= 0.5
    assert dark.sum() == rows * columns


# --- large JPEGs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("shape", [(2400, 1600), (1500, 2300), (3001, 555)])
def test_a_large_jpeg_is_decoded_reduced_and_looks_the_same(shape, fit):
    data = encoded(picture(9, shape), quality=92)
    decoded_sizes = []

    def spy(image):
        decoded_sizes.append(image.size)
        return decode.load_rgb(image)

    with patch.object(prepare, "load_rgb", spy):
        reduced = prepare_image(data, 96, fit)
    with patch.object(prepare, "_draft_size", lambda width, height, *_: (width, height)):
        whole = prepare_image(data, 96, fit)
    assert decoded_sizes[0][0] < shape[0]
    assert min(decoded_sizes[0]) >= (96 if fit == "crop" else 0)
    assert (reduced.width, reduced.height) == (whole.width, whole.height) == shape
    difference = np.abs(reduced.pixels.astype(int) - whole.pixels)
    assert difference.mean() < 1
    assert difference.max() <= 24


def test_the_same_bytes_give_the_same_pixels():
    data = encoded(picture(4, (700, 500)))
    assert np.array_equal(prepare_image(data, 224).pixels, prepare_image(data, 224).pixels)


# --- hostile bytes --------------------------------------------------------------------------------------------------

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
SOUND = [encoded(picture(number, (23, 19)), kind) for number, kind in enumerate(KINDS)]
SOUND += [encoded(picture(7, (23, 19)).convert(mode), "PNG") for mode in ("L", "P", "RGBA", "1", "I;16")]
SOUND += [encoded(picture(8, (23, 19)).convert("CMYK")), encoded(picture(8, (23, 19)), progressive=True)]


@st.composite
def damaged(draw):
    data = bytearray(draw(st.sampled_from(SOUND)))
    for _ in range(draw(st.integers(0, 6))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 9))] = draw(st.binary(max_size=12))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


def image_or_refusal(data: bytes, fit: str) -> None:
    try:
        with patch.object(decode, "MAX_PIXELS", 1_000_000):  # bounds the time of a test, nothing else
            pixels = prepare_image(data, 16, fit).pixels
    except ImageRejectedError as refused:
        assert refused.reason
        assert "\n" not in refused.message
        return
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8


@given(damaged(), st.sampled_from(["pad", "crop", "stretch"]))
@settings(max_examples=600, deadline=None)
def test_damaged_images_give_pixels_or_a_refusal(data, fit):
    image_or_refusal(data, fit)


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF\x40\0\0\0WEBPVP8"]),
    st.binary(max_size=200),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_pixels_or_a_refusal(magic, rest):
    image_or_refusal(magic + rest, "pad")


@given(damaged())
@settings(max_examples=200, deadline=None)
def test_asking_for_the_orientation_hides_no_fault(data):
    """Pillow decodes a PNG to find its EXIF; a fault met there must still be met when the pixels are wanted."""
    with patch.object(decode, "MAX_PIXELS", 1_000_000):
        assert refused(lambda: prepare_image(data, 16)) == refused(lambda: decode.load_rgb(decode.open_image(data)))


def refused(work) -> bool:
    try:
        work()
    except ImageRejectedError:
        return True
    return False
