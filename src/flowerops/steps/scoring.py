"""Score many files with one model, in as many processes as there is work for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from flowerops.datasets.objects import read_photo
from flowerops.datasets.scan import FoundFile
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.images import ImageRejectedError
from flowerops.io.hashing import sha256_bytes
from flowerops.serving.scorer import Scorer


class ScoredFile(NamedTuple):
    """A file and what came of it: probabilities (0..1, in the order of the model's labels), or why there are none.

    sha256: of its bytes; None when it could not be read.
    """

    path: str
    sha256: str | None
    probabilities: tuple[float, ...] | None
    reason: str | None


@dataclass(frozen=True)
class ScoreJob:
    """What every process is told. threads: how many of one process may score at once."""

    bundle: Path
    digest: str
    threads: int

    def begin(self) -> ScoreWork:
        """Load the model, which proves itself on its golden images in each process."""
        return ScoreWork(Scorer.load(self.bundle, self.digest, self.threads))


class ScoreWork:
    """Scores batches of files. Safe for several threads."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def __call__(self, batch: Sequence[FoundFile]) -> list[ScoredFile]:
        """One result a file, in their order; a file that is no photo is a result like any other."""
        return [self._one(found) for found in batch]

    def close(self) -> None:
        """Nothing to let go of."""

    def _one(self, found: FoundFile) -> ScoredFile:
        try:
            data = read_photo(found.location)
        except BadInputError as error:
            return ScoredFile(found.path, None, None, error.message)
        sha256 = sha256_bytes(data)
        try:
            scored = self._scorer.score(data)
        except ImageRejectedError as error:
            return ScoredFile(found.path, sha256, None, error.reason)
        return ScoredFile(found.path, sha256, tuple(scored.probabilities.values()), None)


ANSWERS = "answers-*.jsonl"
"""The files that several machines leave in one folder."""


def answers_bytes(files: Sequence[ScoredFile]) -> bytes:
    """One JSON line a file that could be read; float32 probabilities come back from it bit for bit."""
    known = [{"sha256": one.sha256, "probabilities": one.probabilities, "reason": one.reason} for one in files]
    return b"".join(json.dumps(one).encode() + b"\n" for one in known if one["sha256"] is not None)


def read_answers(folder: Path) -> dict[str, ScoredFile]:
    """What several machines have left in a folder, by the SHA-256 of the photos.

    Raises:
        StoreIntegrityError: A line is not such an answer.
    """
    found: dict[str, ScoredFile] = {}
    for path in sorted(folder.rglob(ANSWERS)):
        for line in path.read_bytes().splitlines():
            try:
                said = json.loads(line)
                probabilities = None if said["probabilities"] is None else tuple(map(float, said["probabilities"]))
                found[said["sha256"]] = ScoredFile("", said["sha256"], probabilities, said["reason"])
            except (ValueError, KeyError, TypeError) as error:
                raise StoreIntegrityError(f"{path} has a line that is no answer", "Run the command again.") from error
    return found
