"""Write the sample set: a folder a class, as somebody's own photos would lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flowerops.domain.progress import Progress, SilentProgress
from flowerops.errors import BadInputError
from flowerops.io.atomic import atomic_write, publish_folder
from flowerops.samples.defects import add_defects
from flowerops.samples.marker import README, README_FILE
from flowerops.samples.photo import jpeg
from flowerops.samples.plant import SPECIES
from flowerops.samples.scene import draw_scene

LABELS = tuple(SPECIES)
"""The class folders: daisy, dandelion, roses, sunflowers, tulips."""


def draw_sample_set(folder: Path, per_class: int = 60, seed: int = 7, progress: Progress | None = None) -> None:
    """Draw a small labelled set of stylised flowers, the same bytes for the same arguments and libraries.

    A picture depends on the seed, its class and its number only, so a larger set begins with the smaller one.

    Args:
        folder: Where to; it comes into being whole, and must not exist yet or be empty.
        per_class: Good pictures in each class folder; a few faulty files are added on purpose (see README.txt).
        seed: Chooses the pictures, 0 or more.
        progress: Told of each picture.

    Raises:
        BadInputError: The folder has files in it already, or per_class is below 2.
    """
    if per_class < 2:
        raise BadInputError(f"{per_class} pictures a class are too few", "Ask for 2 or more.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is there already and is not empty", "Name a new folder for the sample set.")
    if folder.exists():
        folder.rmdir()
    with publish_folder(folder) as temp:
        with (progress or SilentProgress()).task("draw", per_class * len(LABELS), "picture") as task:
            for position, label in enumerate(LABELS):
                for number in range(per_class):
                    data = draw_picture(label, np.random.default_rng([seed, position, number]))
                    atomic_write(temp / label / f"{label}_{number + 1:04d}.jpg", data, durable=False)
                    task.advance()
        add_defects(temp, seed)
        atomic_write(temp / README_FILE, README)


def draw_picture(label: str, rng: np.random.Generator) -> bytes:
    """One picture of a class as JPEG bytes, at a random quality."""
    return jpeg(draw_scene(label, rng), quality=int(rng.integers(72, 93)))
