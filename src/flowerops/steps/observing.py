"""What a training leaves for its watchers: curves, logs for TensorBoard, and figures in the run's ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from flowerops.domain.progress import Progress
from flowerops.io.atomic import atomic_write
from flowerops.ml.event_log import TENSORBOARD_DIR, EventLog
from flowerops.reports.curves import CURVES_FILE, render_curves
from flowerops.tracking import StepTracker


class Watchers:
    """Told of every epoch; `out` gets the files. With `tensorboard`, its logs can be watched meanwhile."""

    def __init__(self, out: Path, tracker: StepTracker, progress: Progress, *, tensorboard: bool) -> None:
        self._out = out
        self._tracker = tracker
        self._events = EventLog(out / TENSORBOARD_DIR) if tensorboard else None
        if tensorboard:
            progress.message(f"watch it: tensorboard --logdir {out.parent}")

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Tell of an epoch, from 1."""
        self._tracker.metrics(metrics, number)
        if self._events:
            self._events.epoch(number, metrics)

    def ended(self, history: Mapping[str, Sequence[float]], figures: Mapping[str, float]) -> None:
        """Keep the curves and the figures of the whole training."""
        self._tracker.metrics(figures)
        picture = render_curves(history)
        if picture is not None:
            atomic_write(self._out / CURVES_FILE, picture)
            self._tracker.file(self._out / CURVES_FILE)
        if self._events:
            self._events.complete(history)
            for file in self._events.files:
                self._tracker.file(file, f"{TENSORBOARD_DIR}/{file.parent.name}")
