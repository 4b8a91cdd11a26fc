"""The folder in which a training keeps its checkpoints; see `checkpoint_files` for what is in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowerops.errors import ConflictError
from flowerops.io.atomic import remove_leftovers
from flowerops.io.discard import discard
from flowerops.io.locks import exclusive

SPACING = 50.0
"""So many times as long as the last checkpoint took to write there is no other: they slow no training by over 2%."""

LOCK = "lock"

TUNING_FILE = "tuning.json"
"""Beside the checkpoints: the finished trials of a search for parameters."""


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the newest first; there need not be such a folder."""
    return sorted(folder.glob("epoch-*"), key=lambda path: (len(path.name), path.name), reverse=True)


@dataclass(frozen=True)
class CheckpointPlace:
    """Where a training keeps its checkpoints.

    run: id of the pipeline run, if it has one. data: digest of what is learnt from. spacing: see `SPACING`.
    """

    folder: Path
    run: str | None
    data: str
    spacing: float = SPACING

    @contextlib.contextmanager
    def held(self, *, fresh: bool = False) -> Iterator[None]:
        """Keep others out for the block, and clear away what a killed training left half done.

        Args:
            fresh: Delete the checkpoints too.

        Raises:
            ConflictError: Another training is at work here.
            UsageError: The folder cannot be written.
        """
        with exclusive(self.folder / LOCK, f"the checkpoint folder {self.folder}", timeout_s=0.0):
            remove_leftovers(self.folder)
            if fresh:
                _discard_all(self.folder)
            yield

    def is_held(self) -> bool:
        """Whether a training is at work here right now."""
        try:
            with exclusive(self.folder / LOCK, "the folder", timeout_s=0.0):
                return False
        except ConflictError:
            return True

    def remove(self) -> None:
        """Delete the folder, unless another training is at work in it."""
        with contextlib.suppress(ConflictError), exclusive(self.folder / LOCK, "the folder", timeout_s=0.0):
            _discard_all(self.folder)
            for path in self.folder.glob(f"{LOCK}*"):
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.folder.rmdir()


def _discard_all(folder: Path) -> None:
    for path in checkpoints_in(folder):
        discard(path)
    (folder / TUNING_FILE).unlink(missing_ok=True)
