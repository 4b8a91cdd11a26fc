"""Kill a program at each change that it makes to a folder, one run a change, until a run survives."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from helpers.command import clean_environment

_KILLER = Path(__file__).parent / "killer"
_TIMEOUT_S = 240


def signalled(root: Path, at: int, number: signal.Signals = signal.SIGKILL) -> dict[str, str]:
    """Variables that make a Python process, and each of its children, get a signal at its own change `at`."""
    return {"KILL_ROOT": str(root), "KILL_AT": str(at), "KILL_SIGNAL": number.name, "PYTHONPATH": str(_KILLER)}


def kill_at_each_change(program: str, arguments: list[str], root: Path, stride: int = 1) -> Iterator[int]:
    """Run a Python program again and again, killed at change 1, 1 + stride, … below `root`.

    Args:
        program: Source for `python -c`; its own `sys.argv[1:]` are the arguments.
        arguments: Given to it.
        root: Only changes below this folder count.
        stride: How many changes to go on by.

    Yields:
        The number of the change at which the run was killed; it ends after the first run that survives.
    """
    at = 1
    while True:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=clean_environment(**signalled(root, at)),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
        if done.returncode == 0:
            return
        assert done.returncode == -signal.SIGKILL, done.stderr
        yield at
        at += stride


def leftovers(root: Path) -> list[Path]:
    """Temporary files and folders below a root."""
    return list(root.rglob(".tmp-*"))


def watch(look: Callable[[], None], kills: Iterator[int]) -> int:
    """Look at the state after every kill; returns how many there were."""
    count = 0
    for _ in kills:
        look()
        count += 1
    return count
