"""Logs for TensorBoard, without TensorBoard: event files are TFRecords of TensorFlow's own Event messages."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowerops.ml.runtime import load_tensorflow

TENSORBOARD_DIR = "tensorboard"
_CURVES = {"train": {"loss": "loss", "accuracy": "accuracy"}, "val": {"loss": "val_loss", "accuracy": "val_accuracy"}}
"""Folders, which TensorBoard shows as runs, and their tags: curves of one tag share a chart."""
_VERSION = "brain.Event:2"
_FILE = "events.out.tfevents.{}"


class EventLog:
    """Curves in `train/` and `val/` of a folder; TensorBoard may watch it while the training goes on.

    Args:
        folder: Made when missing.
        started: Seconds since 1970; part of the files' names, as TensorBoard wants it.
    """

    def __init__(self, folder: Path, started: int | None = None) -> None:
        self._folder = folder
        self._name = _FILE.format(f"{int(time.time()) if started is None else started:010d}.flowerops")
        self._when: dict[int, float] = {}
        self._writers: dict[str, Any] = {}

    @property
    def files(self) -> list[Path]:
        """All files, in a folder each."""
        return [self._folder / kind / self._name for kind in _CURVES]

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Write an epoch's values (number from 1) where a watcher sees them at once."""
        self._when[number] = time.time()
        if not self._writers:
            self._open()
        for kind, tags in _CURVES.items():
            values = {tag: metrics[name] for tag, name in tags.items() if name in metrics}
            self._writers[kind].write(_event(self._when[number], number, values))
            self._writers[kind].flush()

    def complete(self, history: Mapping[str, Sequence[float]]) -> None:
        """Close the files with every epoch once: a training that was resumed told only of its last ones."""
        self._close()
        epochs = range(1, len(next(iter(history.values()), ())) + 1)
        if sorted(self._when) == list(epochs):
            return
        self._open()
        for number in epochs:
            self.epoch(number, {name: values[number - 1] for name, values in history.items()})
        self._close()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _open(self) -> None:
        tensorflow = load_tensorflow()
        for path in self.files:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writers[path.parent.name] = tensorflow.io.TFRecordWriter(str(path))
            self._writers[path.parent.name].write(_first_event())


def _first_event() -> bytes:
    from tensorflow.core.util.event_pb2 import Event

    return bytes(Event(wall_time=time.time(), file_version=_VERSION).SerializeToString())


def _event(when: float, step: int, values: Mapping[str, float]) -> bytes:
    from tensorflow.core.framework.summary_pb2 import Summary
    from tensorflow.core.util.event_pb2 import Event

    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    return bytes(Event(wall_time=when, step=step, summary=summary).SerializeToString())
