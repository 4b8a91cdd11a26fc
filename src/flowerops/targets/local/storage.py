"""The home folder as a place on a disk: who may change it, and what in it nobody needs."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from flowerops.domain.verification import Problem
from flowerops.io.atomic import staging_folder
from flowerops.io.presence import alone, announce
from flowerops.targets.local.garbage import find_garbage, find_leftovers
from flowerops.targets.local.home import Home
from flowerops.targets.local.numbers import Numbers
from flowerops.targets.protocol import Garbage, RunStore


class LocalStorage:
    """See `targets.protocol.Storage`."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def announce(self) -> None:
        """Register this process as a writer."""
        announce(self._home.locks)

    @contextlib.contextmanager
    def cleaning(self) -> Iterator[None]:
        """Hold the home alone."""
        with alone(self._home.locks):
            yield

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder under `tmp/`."""
        self.announce()
        with staging_folder(self._home.temp) as folder:
            yield folder

    def downloads(self) -> Path:
        """The folder `downloads/`."""
        return self._home.downloads

    def notices(self) -> Path:
        """The folder `notices/`."""
        return self._home.notices

    def tracked(self) -> bool:
        """Whether the MLflow ledger is there."""
        return self._home.tracking.exists()

    def problems(self) -> list[Problem]:
        """What SQLite says of the two ledgers."""
        said = {self._home.numbers: Numbers(self._home.numbers).check(), self._home.tracking: self._check_tracking()}
        return [
            Problem(path=str(path), expected="a readable ledger", got=got, of=path.name)
            for path, got in said.items()
            if got != "ok"
        ]

    def leftovers(self) -> list[Path]:
        """Temporary files and folders of killed processes."""
        return find_leftovers(self._home)

    def garbage(self, runs: RunStore | None) -> list[Garbage]:
        """What can go."""
        return find_garbage(self._home, runs)

    def _check_tracking(self) -> str:
        path = self._home.tracking
        if not path.exists():
            return "ok"
        try:
            with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.Error as error:
            return str(error)
