"""Torture case 5, the training itself: killed at any change or between two epochs, it ends with the same bits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.checkpoints import Checkpoints
from helpers.command import clean_environment
from torture.harness import kill_at_each_change, leftovers, watch

WRITER = """
import sys
from pathlib import Path
import numpy as np
from flowerops.domain.progress import SilentProgress
from flowerops.ml.checkpoint_files import Checkpoint
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.checkpoints import Checkpoints
place = CheckpointPlace(Path(sys.argv[1]), "run-1", "abc", spacing=0)
with place.held():
    made = Checkpoints(place, {}, SilentProgress())
    found = made.newest()
    begun = found.epoch if found else 0
    for epoch in range(begun + 1, begun + 4):
        made.offer(Checkpoint(epoch, {"val_loss": [0.5] * epoch}, {"model-000": np.full(9, epoch)}))
"""


@pytest.mark.parametrize(("stride", "kills"), [(9, 3), pytest.param(1, 30, marks=pytest.mark.slow)])
def test_a_checkpoint_is_whole_or_absent_wherever_its_writer_is_killed(tmp_path: Path, stride: int, kills: int) -> None:
    folder = tmp_path / "checkpoints"
    place = CheckpointPlace(folder, "run-1", "abc")
    reached = [0]

    def look() -> None:
        heard: list[str] = []
        progress = SilentProgress()
        progress.message = heard.append  # type: ignore[method-assign]
        found = Checkpoints(place, {}, progress).newest()
        epoch = found.epoch if found else 0
        if found:
            np.testing.assert_array_equal(found.arrays["model-000"], np.full(9, epoch))
        assert heard == []
        assert epoch >= reached[-1]
        reached.append(epoch)

    assert watch(look, kill_at_each_change(WRITER, [str(folder)], folder, stride)) > kills
    look()
    assert leftovers(folder) == []
    assert len(list(folder.glob("epoch-*"))) == 2


def train(kind: str, folder: Path, killed_in: int = 0) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "helpers.resumable", kind, str(folder), str(killed_in)],
        env=clean_environment(PYTHONPATH=str(Path(__file__).parents[1])),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "epochs"), [("head", (2, 3, 4)), ("cnn", (2, 4))])
def test_a_training_killed_between_epochs_ends_with_the_same_bits(
    tmp_path: Path, kind: str, epochs: tuple[int, ...]
) -> None:
    """Of a real process; `unit/ml/test_resuming.py` interrupts every single epoch."""
    assert train(kind, tmp_path / "whole") == 0
    for epoch in epochs:  # each attempt gets further than the one before
        assert train(kind, tmp_path / "killed", epoch) == -signal.SIGKILL
        newest = max(path.name for path in (tmp_path / "killed/checkpoints").glob("epoch-*"))
        assert newest == f"epoch-{epoch - 1:04d}"
    assert train(kind, tmp_path / "killed") == 0
    whole, resumed = (np.load(tmp_path / name / "result.npz") for name in ("whole", "killed"))
    assert whole.files == resumed.files
    for name in whole.files:
        np.testing.assert_array_equal(whole[name], resumed[name])


@pytest.mark.slow
def test_a_bundle_of_a_training_killed_between_its_writes_is_the_same_byte_for_byte(
    trained_place: Path, tmp_path: Path
) -> None:
    """Of real train steps, each killed in another moment of leaving a checkpoint or of clearing old ones away."""
    (data,) = (trained_place / ".flowerops/datasets/flowers_processed").iterdir()
    changes = (5, 14, 20, 26)
    done = subprocess.run(
        [sys.executable, "-m", "helpers.killed_bundles", str(data), str(tmp_path), *map(str, changes)],
        env=clean_environment(PYTHONPATH=str(Path(__file__).parents[1])),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["resumed"] == said["whole"]
    assert len(said["begun"]) == 5, "every attempt was killed"
    assert said["begun"] == sorted(said["begun"])
    assert 0 < said["begun"][-1] < 5
