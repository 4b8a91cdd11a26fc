"""Faults in system calls, and their traces, through strace: they reach code in C, which an audit hook does not see.

strace counts the calls of each process (and thread) on its own.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

RENAMES = "rename,renameat,renameat2"
_STRACE = ["strace", "-f", "-qq"]
_FAST = "--seccomp-bpf"
"""Only the calls in question stop the process then; but signals are not delivered."""


@functools.cache
def _strace() -> str | None:
    """Why strace cannot be used here; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run([*_STRACE, _FAST, "-o", "/dev/null", "true"], capture_output=True, text=True)
    return None if probe.returncode == 0 else f"strace may not trace here: {probe.stderr.strip()}"


def strace(*options: str, log: Path = Path("/dev/null")) -> list[str]:
    """A wrapper for `helpers.command.flowerops`; skips the test where strace cannot be used."""
    problem = _strace()
    if problem:
        pytest.skip(problem)
    return [*_STRACE, "-o", str(log), *options]


def faulty(calls: str, fault: str, at: int) -> list[str]:
    """A wrapper under which the `at`-th of each of the calls gets a fault.

    Args:
        calls: Names of system calls, with commas.
        fault: `error=ENOSPC` or `signal=KILL`, say.
        at: Which call, counted from 1.
    """
    fast = [] if "signal" in fault else [_FAST]
    return strace(*fast, "-e", f"trace={calls}", "-e", f"inject={calls}:{fault}:when={at}")


def traced(calls: str, log: Path) -> list[str]:
    """A wrapper that writes every one of the calls to a file."""
    return strace(_FAST, "-e", f"trace={calls}", log=log)


def calls_in(log: Path, name: str) -> list[str]:
    """The lines of a trace in which a system call of this name begins."""
    return [line for line in log.read_text(errors="replace").splitlines() if f" {name}(" in line]
