"""Pieces of a verification, each small enough to be done by one thread and to be counted on a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flowerops.domain.progress import Progress
from flowerops.domain.verification import Problem
from flowerops.io.parallel import bounded_map

_THREADS = 8


@dataclass(frozen=True)
class Check:
    """size: how many things `run` looks at. run: finds everything that is wrong with them, and never raises for it."""

    size: int
    run: Callable[[], Iterable[Problem]]


def run_checks(checks: Sequence[Check], label: str, progress: Progress) -> tuple[int, list[Problem]]:
    """Do all checks on several threads: how many things were looked at, and all problems in the order of the checks."""
    total = sum(check.size for check in checks)
    problems: list[Problem] = []
    with progress.task(label, total, "item") as task:
        results = bounded_map(lambda check: list(check.run()), checks, _THREADS, batch=1)
        for check, found in zip(checks, results, strict=True):
            problems += found
            task.advance(check.size)
    return total, problems
