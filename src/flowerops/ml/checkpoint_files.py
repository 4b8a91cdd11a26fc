"""Checkpoints on disk: one sealed folder each, published whole.

DIR/epoch-0007/checkpoint.json   the epoch, whose run it is, the learning curves
DIR/epoch-0007/state.npz         weights, optimizer, random state, the best weights so far
DIR/epoch-0007/SHA256SUMS        the seal over both
DIR/lock                         held by the process that trains here
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import publish_folder
from flowerops.io.discard import discard
from flowerops.io.hashing import seal_folder, seal_problems
from flowerops.io.surroundings import now
from flowerops.ml.checkpoint_facts import FACTS_FILE, Facts
from flowerops.ml.checkpoint_place import checkpoints_in

KEPT = 2
"""The newest may be damaged by whatever ended the attempt that wrote it; then there is the one before."""

_STATE_FILE = "state.npz"


@dataclass(frozen=True)
class Checkpoint:
    """A training after `epoch` epochs: its curves, and its arrays by name. run: who wrote it, once it is written."""

    epoch: int
    history: dict[str, list[float]]
    arrays: Mapping[str, npt.NDArray[Any]]
    run: str | None = None


def write_checkpoint(folder: Path, checkpoint: Checkpoint, run: str | None, fingerprint: dict[str, Any]) -> Path:
    """Publish a checkpoint and delete those that it makes needless.

    Returns:
        Its folder.
    """
    target = folder / f"epoch-{checkpoint.epoch:04d}"
    discard(target)  # a damaged one, instead of which an earlier one was used
    facts = Facts(epoch=checkpoint.epoch, run=run, created=now(), fingerprint=fingerprint, history=checkpoint.history)
    state = io.BytesIO()  # a mount takes bytes in their order better than the jumps of an archive that is being written
    np.savez(state, allow_pickle=False, **checkpoint.arrays)
    with publish_folder(target) as temp:
        (temp / _STATE_FILE).write_bytes(state.getbuffer())
        (temp / FACTS_FILE).write_text(facts.to_json())
        seal_folder(temp)
    _prune(folder, target)
    return target


def _prune(folder: Path, newest: Path) -> None:
    """Keep the last ones; what claims to be newer than the newest is damaged."""
    there = checkpoints_in(folder)
    kept = there[there.index(newest) :][:KEPT]
    for path in there:
        if path not in kept:
            discard(path)


def read_checkpoint(path: Path) -> tuple[Facts, Checkpoint]:
    """Read a checkpoint whose bytes are all as they were written.

    Raises:
        StoreIntegrityError: They are not.
    """
    for problem in seal_problems(path):
        raise StoreIntegrityError(f"{problem['path']} is {'altered' if len(problem['got']) == 64 else problem['got']}")
    facts = Facts.from_json((path / FACTS_FILE).read_bytes(), FACTS_FILE)
    try:
        with np.load(path / _STATE_FILE, allow_pickle=False) as state:
            arrays = {name: state[name] for name in state.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StoreIntegrityError(f"{_STATE_FILE}: {error}") from error
    return facts, Checkpoint(facts.epoch, facts.history, arrays, facts.run)
