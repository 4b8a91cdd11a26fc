"""Jobs for `io.crew` that helper processes can import."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowerops.errors import BadInputError


@dataclass(frozen=True)
class Doubling:
    """Doubles numbers and says in which process; fails, dies or dawdles as it is told.

    fails_at: raises at this number. dies: helper processes end at once. starts: gets a file from each process.
    """

    starts: Path
    fails_at: int = -1
    dies: bool = False
    pause_s: float = 0.0
    parent: int = os.getpid()

    def begin(self) -> Doubling:
        (self.starts / str(os.getpid())).touch()
        return self

    def __call__(self, batch: Sequence[int]) -> list[tuple[int, int]]:
        if self.dies and os.getpid() != self.parent:
            os._exit(7)
        if self.fails_at in batch:
            raise BadInputError(f"{self.fails_at} cannot be doubled", "Take another.")
        time.sleep(self.pause_s)
        return [(2 * number, os.getpid()) for number in batch]

    def close(self) -> None:
        (self.starts / f"{os.getpid()}.closed").touch()
