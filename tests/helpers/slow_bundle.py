"""A bundle that does not finish loading before a test has looked."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def slow_bundle(bundle: Path, folder: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A copy whose loading waits until the second value is called, for at most Linux' 45 s.

    One of its files is under a lease: whoever opens it waits until the lease is given up (`fcntl(2)`).
    """
    copy = Path(shutil.copytree(bundle, folder / "slow"))
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # the kernel's word that somebody waits
    file = os.open(copy / "MODEL_CARD.md", os.O_RDWR)

    def go_on() -> None:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield copy, go_on
    finally:
        os.close(file)
        signal.signal(signal.SIGIO, before)
