"""The entry script of the decode step, which runs on several machines at once (a parallel job of Azure ML).

Every process of every machine calls `init` once and `run` for batch after batch of files. What it decodes becomes a
sub-folder of its own for each batch: a batch that is tried again, perhaps elsewhere, collides with nothing, and the
preprocess step takes the first square of a photo that it finds.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # loaded from its file: the snapshot's folder need not be on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flowerops.datasets.photo_job import Decode, PhotoJob, UserFiles
from flowerops.datasets.scan import FoundFile
from flowerops.datasets.squares import publish_squares
from flowerops.domain.dataset import MANIFEST_FILE, ROWS_FILE
from flowerops.domain.params import PreprocessParams
from flowerops.io.surroundings import unique_name

_given: list[tuple[Path, PreprocessParams]] = []
"""What `init` was told: where to, and how. No class of this script's own: who loads it need not know it by name."""


def init() -> None:
    """Read the arguments after the script's name; the machinery adds some of its own, which are let be."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--image-size", type=int, required=True)
    parser.add_argument("--fit", required=True)
    found, _ = parser.parse_known_args()
    _given[:] = [(found.out, PreprocessParams(image_size=found.image_size, fit=found.fit))]


def run(mini_batch: Sequence[str]) -> list[str]:
    """Decode a batch of a raw version's files.

    A photo that cannot be decoded is a result like any other: the reason is kept, and preprocess quarantines it.

    Returns:
        One entry a file, in their order; fewer would count as failures.
    """
    out, params = _given[0]
    photos = [Path(path) for path in mini_batch if Path(path).name not in {MANIFEST_FILE, ROWS_FILE}]
    if photos:
        with tempfile.TemporaryDirectory() as temp:
            work = PhotoJob(UserFiles(), decode=Decode(params.image_size, params.fit, Path(temp))).begin()
            work([_found(photo) for photo in photos])
            work.close()
            publish_squares(Path(temp, str(os.getpid())), out / unique_name())
    return [Path(path).name for path in mini_batch]


def _found(photo: Path) -> FoundFile:
    """The decoder asks for bytes only; class and path below the version are known to preprocess."""
    return FoundFile(photo.parent.name, photo.name, str(photo.parent))
