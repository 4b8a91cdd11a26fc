"""The room that a target takes up, and who may change it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flowerops.domain.verification import Problem
from flowerops.targets.protocol.runs import RunStore


@dataclass(frozen=True)
class Garbage:
    """A file or folder to remove. kind: leftover, version, object, cache or output. why: in words.

    bytes: how many its removal frees. save: called before, puts what must not be lost somewhere else.
    """

    kind: str
    path: Path
    bytes: int
    why: str
    save: Callable[[], None] | None = None


class Storage(Protocol):
    """The room that a target takes up, and who may change it."""

    def announce(self) -> None:
        """Say that this process is about to write and goes on until it ends; clean-ups stay away meanwhile.

        Raises:
            ConflictError: A clean-up did not end in time.
        """

    def cleaning(self) -> AbstractContextManager[None]:
        """Hold off every writer while the block runs.

        Raises:
            ConflictError: A command is writing; the message names it.
        """

    def workspace(self) -> AbstractContextManager[Path]:
        """An empty folder for files on their way; it goes with the block."""

    def downloads(self) -> Path:
        """Where downloads that were cut off wait to be resumed."""

    def notices(self) -> Path:
        """Where licences and attributions of fetched photos are kept, for as long as the storage lives."""

    def tracked(self) -> bool:
        """Whether any run or model was recorded yet."""

    def problems(self) -> list[Problem]:
        """What is wrong with the records of numbers, runs and models."""

    def leftovers(self) -> list[Path]:
        """What killed processes left behind."""

    def garbage(self, runs: RunStore | None) -> list[Garbage]:
        """Everything that no version, run or model needs; ask while `cleaning`. runs: None when nothing is tracked.

        Raises:
            StoreIntegrityError: A version is damaged, so nobody can say what it needs.
        """
