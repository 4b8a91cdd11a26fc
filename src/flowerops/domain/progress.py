"""How work in the lower rooms says how far it is, without knowing who listens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable


class Task(Protocol):
    """One piece of work with a known number of units."""

    def advance(self, amount: int = 1, status: str | None = None) -> None:
        """Count units as done; `status` is a short text such as "loss 0.31, val accuracy 0.91"."""


class Progress(Protocol):
    """The listener."""

    def task(self, label: str, total: int, unit: str) -> AbstractContextManager[Task]:
        """Begin a task; it ends with the block. A unit of "epoch" gets a line of its own each where no bar can be."""

    def message(self, text: str) -> None:
        """Say one line."""


@runtime_checkable
class OnScreen(Protocol):
    """A listener that draws on a screen."""

    def aside(self) -> AbstractContextManager[None]:
        """Draw nothing during this block: somebody else has the screen."""


def aside(progress: Progress) -> AbstractContextManager[None]:
    """Let somebody else have the screen during this block, if the listener has one."""
    return progress.aside() if isinstance(progress, OnScreen) else contextlib.nullcontext()


class _SilentTask:
    def advance(self, amount: int = 1, status: str | None = None) -> None:
        """Say nothing."""


class SilentProgress:
    """Says nothing; for tests and callers without a screen."""

    @contextlib.contextmanager
    def task(self, label: str, total: int, unit: str) -> Iterator[Task]:
        """Begin a task that nobody watches."""
        yield _SilentTask()

    def message(self, text: str) -> None:
        """Drop the line."""
