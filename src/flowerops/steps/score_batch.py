"""The entry script of the score step, which runs on several machines at once (a parallel job of Azure ML).

Every process of every machine calls `init` once and `run` for batch after batch of files. What comes of a batch is a
file of its own, so that a batch that is tried again, perhaps elsewhere, collides with nothing. Answers are known by the
SHA-256 of the photos: where a mount shows them is nobody's business.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # loaded from its file: the snapshot's folder need not be on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from flowerops.datasets.scan import FoundFile
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import SEAL_FILE, sha256_file
from flowerops.io.surroundings import unique_name
from flowerops.steps.scoring import ScoreJob, ScoreWork, answers_bytes

_given: list[tuple[Path, ScoreWork]] = []
"""What `init` was told and loaded: where to, and the model."""


def init() -> None:
    """Read the arguments after the script's name; the machinery adds some of its own, which are let be."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    found, _ = parser.parse_known_args()
    _given[:] = [(found.out, ScoreJob(found.model, sha256_file(found.model / SEAL_FILE), 1).begin())]


def run(mini_batch: Sequence[str]) -> list[str]:
    """Score a batch of files.

    A file that is no photo is a result like any other, with its reason.

    Returns:
        One entry a file, in their order; fewer would count as failures.
    """
    out, work = _given[0]
    photos = [Path(path) for path in mini_batch]
    answers = work([FoundFile("", photo.name, str(photo.parent)) for photo in photos])
    atomic_write(out / f"answers-{unique_name()}.jsonl", answers_bytes(answers), durable=False)
    return [photo.name for photo in photos]
