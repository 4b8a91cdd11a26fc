"""Faulty and odd files, as they turn up in every real collection."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from flowerops.io.atomic import atomic_write
from flowerops.samples.marker import MARK
from flowerops.samples.photo import jpeg
from flowerops.samples.scene import draw_scene

_EXIF_ORIENTATION = 0x0112
_NEEDS_QUARTER_TURN_CLOCKWISE = 6
_WEB_PAGE = "<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n"


def add_defects(folder: Path, seed: int) -> None:
    """Add faulty files (cut off, web page, two labels) and odd ones (copy, CMYK, EXIF, 16 bits, GIF) to a set."""
    rng = np.random.default_rng([seed, 1000])
    whole = (folder / "roses" / "roses_0001.jpg").read_bytes()
    _write(folder / "roses" / "roses_cut_off.jpg", whole[: len(whole) * 2 // 5])
    _write(folder / "tulips" / "tulips_not_found.jpg", _WEB_PAGE.encode())
    both = jpeg(draw_scene("sunflowers", rng))
    _write(folder / "sunflowers" / "sunflowers_or_daisy.jpg", both)
    _write(folder / "daisy" / "daisy_or_sunflowers.jpg", both)
    shutil.copyfile(folder / "dandelion" / "dandelion_0001.jpg", folder / "dandelion" / "dandelion_0001 (copy).jpg")
    _write(folder / "roses" / "roses_print.jpg", jpeg(draw_scene("roses", rng).convert("CMYK")))
    _write(folder / "daisy" / "daisy_phone.jpg", _lying_on_its_side(draw_scene("daisy", rng)))
    _write(folder / "sunflowers" / "sunflowers_16bit.png", _sixteen_bit_png(draw_scene("sunflowers", rng)))
    _write(folder / "tulips" / "tulips_web.gif", _gif(draw_scene("tulips", rng)))


def _write(path: Path, data: bytes) -> None:
    atomic_write(path, data, durable=False)


def _lying_on_its_side(image: Image.Image) -> bytes:
    """A JPEG whose pixels lie on their side and whose EXIF tag says so, as phones write it."""
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = _NEEDS_QUARTER_TURN_CLOCKWISE
    return jpeg(image.transpose(Image.Transpose.ROTATE_90), exif=exif)


def _sixteen_bit_png(image: Image.Image) -> bytes:
    """A grey PNG of 16 bits a pixel, as scanners write it."""
    image.thumbnail((240, 240))
    grey = np.asarray(image.convert("L"), dtype=np.uint16) * 257
    buffer = BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", description=MARK)
    return buffer.getvalue()


def _gif(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.thumbnail((280, 280))
    image.quantize(128).save(buffer, "GIF", comment=MARK.encode())
    return buffer.getvalue()
