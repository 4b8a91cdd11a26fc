"""What TensorBoard reads, read with TensorFlow's own messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowerops.ml.event_log import EventLog
from flowerops.ml.runtime import load_tensorflow

HISTORY = {
    "loss": [3.0, 2.0, 1.5],
    "accuracy": [0.2, 0.5, 0.75],
    "val_loss": [3.5, 2.5, 2.25],
    "val_accuracy": [0, 0.25, 0.5],
}


def told(log: EventLog, epoch: int) -> None:
    log.epoch(epoch, {name: values[epoch - 1] for name, values in HISTORY.items()})


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """By run and tag: steps and values."""
    tensorflow = load_tensorflow()
    from tensorflow.core.util.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.rglob("events.out.tfevents.*")):
        first, *events = (Event.FromString(raw.numpy()) for raw in tensorflow.data.TFRecordDataset(str(file)))
        assert first.file_version == "brain.Event:2"
        for event in events:
            for value in event.summary.value:
                found.setdefault(f"{file.parent.name}/{value.tag}", []).append((event.step, value.simple_value))
    return found


EXPECTED = {
    "train/loss": [(1, 3.0), (2, 2.0), (3, 1.5)],
    "train/accuracy": [(1, pytest.approx(0.2)), (2, 0.5), (3, 0.75)],
    "val/loss": [(1, 3.5), (2, 2.5), (3, 2.25)],
    "val/accuracy": [(1, 0.0), (2, 0.25), (3, 0.5)],
}


def test_an_epoch_can_be_watched_as_soon_as_it_ends(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    told(log, 1)
    assert curves(tmp_path) == {name: points[:1] for name, points in EXPECTED.items()}
    told(log, 2)
    told(log, 3)
    log.complete(HISTORY)
    assert curves(tmp_path) == EXPECTED
    assert all(file.is_file() for file in log.files)


def test_a_resumed_training_leaves_all_of_its_epochs(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    told(log, 3)
    log.complete(HISTORY)
    assert curves(tmp_path) == EXPECTED


def test_a_training_that_had_nothing_left_to_do_does_too(tmp_path: Path) -> None:
    EventLog(tmp_path).complete(HISTORY)
    assert curves(tmp_path) == EXPECTED
