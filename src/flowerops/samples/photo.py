"""What a camera adds: focus, exposure, vignette, grain and compression."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps

from flowerops.samples.marker import MARK


def developed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Give a clean drawing the look of a photo: soft focus, exposure, colour cast, dark corners and grain."""
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 1.6))))
    image = _exposed(image, rng)
    image = ImageChops.multiply(image, _vignette(image.size, rng))
    image = _grained(image, rng)
    if rng.random() < 0.02:
        image = ImageOps.grayscale(image).convert("RGB")
    return image


def _exposed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    gain = rng.normal(1.02, 0.07) * np.exp(rng.normal(0, 0.035, 3))
    gamma = rng.normal(1.0, 0.08)
    levels = np.linspace(0, 1, 256)
    table = [np.clip(255 * factor * levels**gamma, 0, 255).astype(int).tolist() for factor in gain]
    return image.point(table[0] + table[1] + table[2])


def _vignette(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    fall = 255 * (1 - rng.uniform(0.02, 0.16) * (x**2 + y**2))
    small = Image.fromarray(np.clip(fall, 0, 255).astype(np.uint8))
    return small.resize(size, Image.Resampling.BILINEAR).convert("RGB")


def _grained(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    strength = min(7.0, abs(rng.normal(0, 3.0)) + 0.8)
    grain = rng.integers(0, 256, (image.height, image.width), dtype=np.uint8)
    table = np.clip(128 + (np.arange(256) - 127.5) / 73.6 * strength, 0, 255).astype(int).tolist()
    noise = Image.fromarray(grain).point(table)
    return ImageChops.add(image, Image.merge("RGB", (noise, noise, noise)), scale=1, offset=-128)


def jpeg(image: Image.Image, quality: int = 88, **options: object) -> bytes:
    """Encode as JPEG; the comment inside says that the picture is a drawing."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality, comment=MARK.encode(), **options)
    return buffer.getvalue()
