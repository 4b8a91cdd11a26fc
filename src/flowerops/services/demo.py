"""demo: the whole lifecycle on drawings, so that it can be seen without any photos."""

from __future__ import annotations

from pathlib import Path

from flowerops.domain.progress import Progress
from flowerops.samples import draw_sample_set, is_sample_set

DATASET = "sample_flowers"
MODEL = "sample_classifier"
ENDPOINT = "sample"
MAX_BAD = 0.1
"""The set has faulty files on purpose, and is small."""


def sample_folder(home: Path, per_class: int, progress: Progress) -> Path:
    """The folder of drawings in a home; drawn when it is not there yet.

    Args:
        home: The home folder.
        per_class: Good pictures a class, 2 or more.
        progress: Told of every picture.
    """
    folder = home / "samples" / f"flowers-{per_class}"
    if not is_sample_set(folder):
        draw_sample_set(folder, per_class, progress=progress)
    return folder
