"""Who hears of a training's epochs: the screen, the run's ledger, and the checkpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flowerops.domain.progress import Progress, Task
from flowerops.ml.checkpoint_files import Checkpoint
from flowerops.ml.checkpoints import Checkpoints
from flowerops.ml.course import Course

OnEpoch = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Listener:
    """progress: gets the tasks "training" and "fine-tuning", counted in epochs.

    checkpoints: takes each epoch's, if they are wanted. found: the one to go on from.
    on_epoch: called after each epoch with its number from 1 and loss, accuracy, val_loss, val_accuracy. Losses are mean
    cross-entropies in nats, without penalties and class weights; training figures are with dropout.
    """

    progress: Progress
    on_epoch: OnEpoch
    checkpoints: Checkpoints | None = None
    found: Checkpoint | None = None

    def catch_up(self, course: Course, task: Task) -> None:
        """Tell of the epochs that were finished before; a run that was told of them already is spared."""
        if self.found is None or self.checkpoints is None:
            return
        self.progress.message(f"resuming at epoch {course.epoch + 1}")
        if self.found.run is None or self.found.run != self.checkpoints.run:
            for index in range(course.epoch):
                self.on_epoch(index + 1, course.metrics(index))
        task.advance(course.epoch - course.begun, status(course.metrics(course.epoch - 1)))

    def epoch_ended(self, course: Course, model: Any, task: Task) -> None:
        """Tell of an epoch. Its checkpoint comes last, so that all of its epochs have been told of."""
        metrics = course.metrics(course.epoch - 1)
        task.advance(1, status(metrics))
        self.on_epoch(course.epoch, metrics)
        if self.checkpoints is not None:
            self.checkpoints.offer(course.checkpoint(model))

    @contextlib.contextmanager
    def interrupted(self) -> Iterator[None]:
        """When SIGTERM or Ctrl-C ends the block, leave the last finished epoch's checkpoint behind."""
        try:
            yield
        except (SystemExit, KeyboardInterrupt):
            if self.checkpoints is not None:
                self.checkpoints.flush()
            raise


def status(metrics: dict[str, float]) -> str:
    """An epoch in a few words."""
    shown = {"loss": "loss", "accuracy": "accuracy", "val_accuracy": "val accuracy"}
    return " · ".join(f"{words} {metrics[name]:.3f}" for name, words in shown.items())
