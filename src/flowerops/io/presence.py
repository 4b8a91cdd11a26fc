"""Many writers or one cleaner: who works in a folder, said with kernel locks that end with their process.

A writer holds a lock file of its own in `writers/` until it ends. A cleaner holds `cleaning.lock` and looks whether any
of the writers' files is locked. A writer passes through `cleaning.lock` to begin, so that none begins behind the
cleaner's back.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from flowerops.errors import ConflictError
from flowerops.io.atomic import NO_ACCESS
from flowerops.io.locks import describe_holder, exclusive, write_owner

_WRITERS = "writers"
_CLEANING = "cleaning.lock"

_held: dict[Path, FileLock] = {}
_changing = threading.Lock()


def announce(locks: Path, timeout_s: float = 600.0) -> None:
    """Register this process as a writer until it ends; a second call does nothing.

    Where nothing can be written there is nothing to register either: the write itself will say why.

    Args:
        locks: The folder of the locks.
        timeout_s: How long to wait for a cleaner.

    Raises:
        ConflictError: A cleaner did not end in time.
    """
    with _changing:
        if locks.absolute() not in _held:
            _register(locks.absolute(), timeout_s)


def _register(locks: Path, timeout_s: float) -> None:
    try:
        (locks / _WRITERS).mkdir(parents=True, exist_ok=True)
        if not os.access(locks, os.W_OK):
            return
    except OSError as error:
        if error.errno in NO_ACCESS:
            return
        raise
    with exclusive(locks / _CLEANING, "the clean-up", timeout_s):
        mine = FileLock(locks / _WRITERS / f"{os.getpid()}-{secrets.token_hex(4)}.lock", thread_local=False)
        mine.acquire(timeout=timeout_s)
        write_owner(Path(mine.lock_file))
    _held[locks] = mine
    atexit.register(leave, locks)


def leave(locks: Path) -> None:
    """Stop being a writer; happens by itself at the end of the process."""
    mine = _held.pop(locks.absolute(), None)
    if mine is not None:
        mine.release()
        _forget(Path(mine.lock_file))


@contextlib.contextmanager
def alone(locks: Path) -> Iterator[None]:
    """Hold off writers for the block.

    Raises:
        ConflictError: A living process writes, or another one cleans.
    """
    with exclusive(locks / _CLEANING, "the clean-up", timeout_s=0.0):
        for file in sorted((locks / _WRITERS).glob("*.lock")):
            probe = FileLock(file, timeout=0)
            try:
                probe.acquire()
            except Timeout as error:
                raise ConflictError(
                    f"a command is writing: {describe_holder(file)}", "Wait for it to end, then run again."
                ) from error
            probe.release()
            _forget(file)
        yield


def dead_writers(locks: Path) -> list[Path]:
    """Lock files of writers that were killed; a command that cleans removes them. Changes nothing."""
    dead = []
    for file in sorted((locks / _WRITERS).glob("*.lock")):
        probe = FileLock(file, timeout=0)
        try:
            probe.acquire()
        except (Timeout, OSError):
            continue
        probe.release()
        dead.append(file)
    return dead


def _forget(file: Path) -> None:
    for path in (file, file.with_name(file.name + ".owner")):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
