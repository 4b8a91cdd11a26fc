"""Checkpoints on disk: written whole, two of them kept, read only when they are what was written and wanted."""

from __future__ import annotations

import errno
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.progress import SilentProgress
from flowerops.errors import BadInputError, ConflictError, StoreIntegrityError
from flowerops.io.hashing import seal_folder
from flowerops.ml import checkpoints as module
from flowerops.ml.checkpoint_files import Checkpoint
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.checkpoints import Checkpoints

FINGERPRINT = {"labels": ["daisy", "roses"], "params": {"seed": 1, "epochs": 9}}


class Listener(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "none/yet"


@pytest.fixture
def heard() -> Listener:
    return Listener()


@pytest.fixture
def place(folder: Path) -> Iterator[CheckpointPlace]:
    made = CheckpointPlace(folder, "run-1", "abc", spacing=0)
    with made.held():
        yield made


@pytest.fixture
def made(place: CheckpointPlace, heard: Listener) -> Checkpoints:
    return Checkpoints(place, FINGERPRINT, heard)


def after(epoch: int) -> Checkpoint:
    arrays = {"model-000": np.full((2, 3), epoch, np.float32), "optimizer-000": np.array(epoch)}
    return Checkpoint(epoch, {"val_loss": [1 / 3] * epoch}, arrays)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_no_checkpoint_no_resuming(made: Checkpoints) -> None:
    assert made.newest() is None


def test_the_newest_comes_back_bit_by_bit_and_two_are_kept(made: Checkpoints, folder: Path) -> None:
    for epoch in (8, 9, 10, 11):
        made.offer(after(epoch))
    assert names(folder) == ["epoch-0010", "epoch-0011"]
    found = made.newest()
    assert found is not None
    assert (found.epoch, found.run, found.history) == (11, "run-1", {"val_loss": [1 / 3] * 11})
    np.testing.assert_array_equal(found.arrays["model-000"], np.full((2, 3), 11, np.float32))
    assert found.arrays["model-000"].dtype == np.float32


def test_more_than_four_digits_are_in_order_too(made: Checkpoints, folder: Path) -> None:
    for epoch in (9998, 9999, 10000):
        made.offer(after(epoch))
    assert names(folder) == ["epoch-10000", "epoch-9999"]
    assert made.newest().epoch == 10000  # type: ignore[union-attr]


def test_the_files_are_plain(made: Checkpoints, folder: Path) -> None:
    made.offer(after(1))
    written = folder / "epoch-0001"
    assert sorted(path.name for path in written.iterdir()) == ["SHA256SUMS", "checkpoint.json", "state.npz"]
    facts = json.loads((written / "checkpoint.json").read_text())
    assert facts["fingerprint"] == {"data": "abc", **FINGERPRINT}
    assert zipfile.ZipFile(written / "state.npz").namelist() == ["model-000.npy", "optimizer-000.npy"]


def test_nothing_pickled_is_read(made: Checkpoints, folder: Path) -> None:
    made.offer(after(1))
    np.savez(folder / "epoch-0001/state.npz", model=np.array([{}], object))
    seal_folder(folder / "epoch-0001")
    with pytest.raises(StoreIntegrityError, match="allow_pickle=False"):
        made.newest()


def damage(path: Path, kind: str) -> None:
    if kind == "altered":
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif kind == "cut off":
        path.write_bytes(path.read_bytes()[:-10])
    else:
        path.unlink()


@pytest.mark.parametrize("kind", ["altered", "cut off", "missing"])
@pytest.mark.parametrize("file", ["state.npz", "checkpoint.json", "SHA256SUMS"])
def test_instead_of_a_damaged_one_the_one_before_is_used(
    made: Checkpoints, folder: Path, heard: Listener, file: str, kind: str
) -> None:
    made.offer(after(1))
    made.offer(after(2))
    damage(folder / "epoch-0002" / file, kind)
    assert made.newest().epoch == 1  # type: ignore[union-attr]
    assert heard.lines[0].startswith("warning: the checkpoint epoch-0002 is damaged and not used: ")
    made.offer(after(2))
    assert made.newest().epoch == 2  # type: ignore[union-attr]
    assert names(folder) == ["epoch-0001", "epoch-0002"]


def test_a_damaged_one_that_was_further_does_not_outlive_the_next(made: Checkpoints, folder: Path) -> None:
    made.offer(after(2))
    made.offer(after(5))
    damage(folder / "epoch-0005/state.npz", "altered")
    made.offer(after(3))
    assert names(folder) == ["epoch-0002", "epoch-0003"]


def test_all_damaged_is_an_integrity_error_that_says_what_to_do(made: Checkpoints, folder: Path) -> None:
    for epoch in (1, 2):
        made.offer(after(epoch))
        damage(folder / f"epoch-000{epoch}/state.npz", "altered")
    with pytest.raises(
        StoreIntegrityError, match=r"every checkpoint in .* is damaged; epoch-0001: state\.npz"
    ) as caught:
        made.newest()
    assert caught.value.exit_code == 5
    assert str(folder) in str(caught.value.hint) and "--fresh" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("data", "changed", "words"),
    [
        ("abc", {"params": {"seed": 1, "epochs": 10}}, "whose params.epochs is 9 and not 10"),
        ("abd", {}, "whose data is abc and not abd"),
        ("abc", {"labels": ["daisy"]}, "whose labels is"),
        ("abc", {"weights": "123"}, "whose weights is None and not 123"),
    ],
)
def test_the_checkpoints_of_another_training_are_refused(
    made: Checkpoints, folder: Path, data: str, changed: dict[str, object], words: str
) -> None:
    made.offer(after(1))
    other = Checkpoints(CheckpointPlace(folder, "run-2", data), {**FINGERPRINT, **changed}, SilentProgress())
    with pytest.raises(BadInputError, match="belong to run run-1, ") as caught:
        other.newest()
    assert words in caught.value.message
    assert f"delete {folder}" in str(caught.value.hint) and "--fresh" in str(caught.value.hint)


def test_a_place_that_is_held_keeps_others_out(place: CheckpointPlace) -> None:
    with pytest.raises(ConflictError, match=r"the checkpoint folder .* is locked by process"), place.held():
        raise AssertionError
    place.remove()
    assert place.folder.is_dir()


def test_holding_clears_away_what_a_killed_training_left(folder: Path) -> None:
    (folder / ".tmp-1234").mkdir(parents=True)
    place = CheckpointPlace(folder, None, "abc")
    with place.held():
        assert names(folder) == []
        Checkpoints(place, FINGERPRINT, SilentProgress()).offer(after(1))
    with place.held():
        assert names(folder) == ["epoch-0001"]
    with place.held(fresh=True):
        assert names(folder) == []
    place.remove()
    assert not folder.exists()


def test_one_that_is_due_too_soon_is_held_until_it_is_asked_for(folder: Path) -> None:
    place = CheckpointPlace(folder, None, "abc", spacing=1e6)
    with place.held():
        made = Checkpoints(place, FINGERPRINT, SilentProgress())
        for epoch in (1, 2, 3):
            made.offer(after(epoch))
        assert names(folder) == ["epoch-0001"]
        made.flush()
        assert names(folder) == ["epoch-0001", "epoch-0003"]
        made.flush()


def test_a_training_goes_on_where_no_checkpoint_can_be_written(
    made: Checkpoints, heard: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Path:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module, "write_checkpoint", fails)
    made.offer(after(1))
    made.offer(after(2))
    assert heard.lines == ["warning: no checkpoint could be written: [Errno 5] Input/output error"]
