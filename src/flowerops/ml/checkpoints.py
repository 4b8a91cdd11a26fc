"""The checkpoints of one training: which one to go on from, and when to write the next."""

from __future__ import annotations

import time
from typing import Any

from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError, FlowerOpsError, StoreIntegrityError
from flowerops.ml.checkpoint_facts import Facts
from flowerops.ml.checkpoint_files import Checkpoint, read_checkpoint, write_checkpoint
from flowerops.ml.checkpoint_place import CheckpointPlace, checkpoints_in
from flowerops.ml.fingerprint import differing


class Checkpoints:
    """Reads and writes in a place that is held."""

    def __init__(self, place: CheckpointPlace, fingerprint: dict[str, Any], progress: Progress) -> None:
        """The place, everything that decides the training's result, and who hears of damage."""
        self._place = place
        self._fingerprint = {"data": place.data, **fingerprint}
        self._progress = progress
        self._held: Checkpoint | None = None
        self._not_before = 0.0
        self._warned = False

    @property
    def run(self) -> str | None:
        """The pipeline run that this training is in."""
        return self._place.run

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole; None where there is none at all.

        Raises:
            StoreIntegrityError: There are some, and all are damaged.
            BadInputError: They are of a training with other data or settings.
        """
        damage = None
        for path in checkpoints_in(self._place.folder):
            try:
                facts, checkpoint = read_checkpoint(path)
            except StoreIntegrityError as error:
                damage = f"{path.name}: {error}"
                self._progress.message(f"warning: the checkpoint {path.name} is damaged and not used: {error}")
                continue
            self._check(facts)
            return checkpoint
        if damage:
            raise StoreIntegrityError(f"every checkpoint in {self._place.folder} is damaged; {damage}", self._way_out)
        return None

    def offer(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, or hold it for `flush` when the last one was written a short while ago."""
        self._held = checkpoint
        if time.perf_counter() >= self._not_before:
            self.flush()

    def flush(self) -> None:
        """Write what is held. Where nothing can be written a training says so and goes on: it may end well."""
        if self._held is None:
            return
        begun = time.perf_counter()
        try:
            write_checkpoint(self._place.folder, self._held, self._place.run, self._fingerprint)
        except (OSError, FlowerOpsError) as error:
            if not self._warned:
                self._progress.message(f"warning: no checkpoint could be written: {error}")
            self._warned = True
        self._held = None
        ended = time.perf_counter()
        self._not_before = ended + self._place.spacing * (ended - begun)

    def _check(self, facts: Facts) -> None:
        if found := differing(facts.fingerprint, self._fingerprint):
            raise BadInputError(
                f"the checkpoints in {self._place.folder} belong to run {facts.run or '(without a name)'}, "
                f"whose {', whose '.join(found)}",
                self._way_out,
                {"run": facts.run, "differs": found, "checkpoints": str(self._place.folder)},
            )

    @property
    def _way_out(self) -> str:
        return f"To begin anew, delete {self._place.folder} or give the step --fresh."
