"""Run Python as a user who may not read or write everything: root ignores the permissions that a test sets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NOBODY = "65534"


def run_unprivileged(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python with arguments, as nobody when this is root; skips where setpriv is missing."""
    command = [*as_nobody(), sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def as_nobody() -> list[str]:
    """What to put before a command line so that it runs without root's rights; nothing where there are none.

    Skips where setpriv is missing.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root needs setpriv to give its rights away")
    return ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]


@contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users can enter, which pytest's own cannot."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
