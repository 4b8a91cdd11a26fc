"""A home with a dataset, a trained run and its evaluation, made by the real commands in one process.

Run as a program: `python -m helpers.trained_home PLACE`. Each command of its own would load MLflow and TensorFlow anew,
and half a minute is too much for a fixture. The commands and steps are the real ones; only the child process of a step
is left out.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from flowerops.cli.app import run
from flowerops.domain.steps import Recorded
from flowerops.targets.local.steps import step_command
from flowerops.targets.protocol import StepRequest
from helpers.photos import make_photos

SIZE = "44"
"""The smallest that `cnn` takes."""
COMMANDS = (
    ["preprocess", "--data-folder", "photos", "--image-size", SIZE],
    ["train", "--backbone", "cnn", "--epochs", "1"],
    ["evaluate"],
)


def _run_here(request: StepRequest, out: Path, log: Path, tracking: Mapping[str, str]) -> Recorded:
    """A step without a process of its own, which records what it does by itself."""
    with mock.patch.dict(os.environ, tracking):
        _run(step_command(request, out, log)[3:])
    return Recorded()


def _run(arguments: list[str]) -> None:
    code = run(arguments)
    if code:
        raise SystemExit(f"{arguments} ended with {code}")


def make_home(place: Path, commands: tuple[list[str], ...] = COMMANDS) -> None:
    """Fill PLACE with `photos/` and `.flowerops/`."""
    make_photos(place / "photos", per_class=8, size=(24, 20))
    os.chdir(place)
    everything_live = mock.patch("flowerops.targets.local.runs._LIVE", {"preprocess", "train", "evaluate"})
    nothing_ahead = mock.patch("flowerops.targets.local.target.expecting", lambda *_: contextlib.nullcontext())
    with mock.patch("flowerops.targets.local.runs.run_child", _run_here), everything_live, nothing_ahead:
        for arguments in commands:
            _run(arguments)


def copy_place(place: Path, copy: Path, known_as: Path | None = None) -> Path:
    """Copy a place with its home; the ledger of runs, which holds absolute paths, is told of the new one.

    Args:
        place: What to copy.
        copy: Where to.
        known_as: The path under which commands will see the copy, when that is another.
    """
    shutil.copytree(place, copy, dirs_exist_ok=True)
    with contextlib.closing(sqlite3.connect(copy / ".flowerops/mlflow.db")) as ledger, ledger:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            ledger.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(place), str(known_as or copy))
            )
    return copy


if __name__ == "__main__":
    make_home(Path(sys.argv[1]))
