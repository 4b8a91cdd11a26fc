"""Small synthetic photos that are told apart by eye, by hash and by perceptual hash; and class folders full of them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from flowerops.datasets.pixels import header

CLASSES = ("daisy", "roses")
_HUES = ((230, 230, 235), (190, 40, 70), (240, 200, 40), (140, 60, 170), (60, 100, 210), (60, 160, 80))
_GRID = (6, 7)


def picture(number: int, size: tuple[int, int] = (48, 40), hue: int = 0) -> Image.Image:
    """A soft random pattern around the colour of a class; another number gives a quite different pattern.

    Args:
        number: Seeds the pattern.
        size: Width and height in pixels.
        hue: The class's place in its list of colours.
    """
    noise = np.random.default_rng([number, hue])
    patches = (
        np.array(_HUES[hue % len(_HUES)]) * 0.5 + noise.uniform(0, 128, (*_GRID, 1)) + noise.normal(0, 8, (*_GRID, 3))
    )
    coarse = Image.fromarray(np.clip(patches, 0, 255).astype(np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def pixels_of(image: Image.Image) -> npt.NDArray[np.uint8]:
    """A picture as uint8 [height, width, channels]."""
    return np.asarray(image)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    stream = BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def photo_bytes(number: int, size: tuple[int, int] = (48, 40), hue: int = 0) -> bytes:
    """A JPEG of `picture`."""
    return encoded(picture(number, size, hue), quality=90)


def make_photos(
    folder: Path,
    classes: Sequence[str] = CLASSES,
    per_class: int = 12,
    size: tuple[int, int] = (48, 40),
    seed: int = 0,
) -> dict[str, list[Path]]:
    """Fill `folder/<class>/` with distinct JPEGs and give their paths by class.

    Args:
        folder: The root of the class folders; made when missing.
        classes: Names of the classes; each has a colour of its own.
        per_class: Photos a class.
        size: Width and height in pixels.
        seed: Another seed gives other photos.
    """
    made: dict[str, list[Path]] = {}
    for hue, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        made[name] = [folder / name / f"{name}_{number:04d}.jpg" for number in range(per_class)]
        for number, path in enumerate(made[name]):
            path.write_bytes(photo_bytes(seed * 100_000 + number, size, hue))
    return made


def encode_pixels(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A square, uint8 RGB [height, width, 3], as shards store it."""
    return header(*pixels.shape[:2]) + pixels.tobytes()
