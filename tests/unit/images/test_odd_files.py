"""Files met in the wild or made odd; they lie outside of the project and are not always there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from flowerops.images import ImageRejectedError, prepare_image

ODD = Path(__file__).parents[4] / "shared" / "data" / "odd"
REFUSED = {
    "truncated_half.jpg": "truncated",
    "truncated_tail.jpg": "truncated",
    "zero_bytes.jpg": "empty file",
    "html_error.jpg": "not a JPEG",
    "decompression_bomb_20000x20000.png": "exceed the limit",
    "NOTES.csv": "not a JPEG",
    "Thumbs.db": "not a JPEG",
    ".DS_Store": "not a JPEG",
    ".amlignore": "empty file",
}
FILES = sorted(ODD.iterdir()) if ODD.is_dir() else []

pytestmark = [pytest.mark.photos, pytest.mark.skipif(not FILES, reason="the odd files are not here")]


@pytest.mark.parametrize("name", REFUSED)
def test_an_unusable_file_is_refused_with_the_reason(name):
    with pytest.raises(ImageRejectedError, match=REFUSED[name]):
        prepare_image((ODD / name).read_bytes(), 224)


@pytest.mark.parametrize("file", [file for file in FILES if file.name not in REFUSED], ids=lambda file: file.name)
def test_every_other_file_is_decoded_upright_and_right(file):
    found = prepare_image(file.read_bytes(), 224, "stretch")
    with Image.open(file) as image:
        upright = ImageOps.exif_transpose(image)
        assert (found.width, found.height) == upright.size
        expected = independently_rgb(upright).resize((224, 224), Image.Resampling.BICUBIC)
    difference = np.abs(found.pixels.astype(int) - np.asarray(expected))
    assert difference.mean() < 1.5


def independently_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) / 256).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = np.asarray(image.convert("RGBA"), dtype=float)
    share = rgba[..., 3:] / 255
    return Image.fromarray(np.rint(rgba[..., :3] * share + 255 * (1 - share)).astype(np.uint8))
