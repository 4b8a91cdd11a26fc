"""Generated photos in any number and size: every one another picture, told apart by bytes and by perceptual hash."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
_GRID = (9, 12)
_PER_TASK = 500


def generate(folder: Path, count: int, size: tuple[int, int], noise: float = 0.0, first: int = 0) -> Path:
    """Write JPEGs into class folders.

    Args:
        folder: The root; made when missing.
        count: How many in all.
        size: Width and height in pixels.
        noise: Standard deviation of fine noise (0..255), which makes files as large as those of a camera.
        first: Number of the first picture; another number is another picture.
    """
    for label in CLASSES:
        (folder / label).mkdir(parents=True, exist_ok=True)
    spans = [range(start, min(start + _PER_TASK, first + count)) for start in range(first, first + count, _PER_TASK)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_write, folder, size, noise), spans))
    return folder


def _write(folder: Path, size: tuple[int, int], noise: float, numbers: range) -> None:
    grain = np.random.default_rng(0).normal(0, noise, (size[1], size[0], 1)) if noise else None
    for number in numbers:
        patches = np.random.default_rng(number).integers(0, 256, (*_GRID, 3), dtype=np.uint8)
        image = Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC)
        if grain is not None:
            image = Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))
        stream = BytesIO()
        image.save(stream, "JPEG", quality=85)
        (folder / CLASSES[number % len(CLASSES)] / f"{number:06d}.jpg").write_bytes(stream.getvalue())
