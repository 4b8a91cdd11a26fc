"""Locks of the operating system: they end with the process that holds them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from flowerops.errors import ConflictError
from flowerops.io.atomic import NO_ROOM, explain_os_error


@contextlib.contextmanager
def exclusive(
    lock_file: Path, what: str, timeout_s: float = 60.0, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold a lock for the block.

    Args:
        lock_file: The file to lock; it stays behind, empty of meaning.
        what: What the lock guards, for the error message.
        timeout_s: How long to wait for another holder.
        waiting: Told in words that and for whom is waited, when somebody else holds it.

    Raises:
        ConflictError: Another living process holds it; the message names it.
    """
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        with _acquired(lock_file, what, timeout_s, waiting):
            write_owner(lock_file)
            yield
    except Timeout as error:
        raise ConflictError(
            f"{what} is locked by {describe_holder(lock_file)}", "Wait for it to end, then run again."
        ) from error
    except PermissionError as error:
        raise explain_os_error(error, lock_file) from error


def _acquired(
    lock_file: Path, what: str, timeout_s: float, waiting: Callable[[str], None] | None
) -> AbstractContextManager[object]:
    lock = FileLock(lock_file)
    try:
        return lock.acquire(timeout=timeout_s if waiting is None else 0)
    except Timeout:
        if waiting is None:
            raise
        waiting(f"{what}: waiting for {describe_holder(lock_file)}")
        return lock.acquire(timeout=timeout_s)


def write_owner(lock_file: Path) -> None:
    """Say beside a lock file who holds it.

    On a full disk the note stays empty: the lock holds without it, and a clean-up that makes room must not need any.
    """
    try:
        _owner_file(lock_file).write_text(json.dumps(_me()))
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise


def describe_holder(lock_file: Path) -> str:
    """Who holds a lock, in words."""
    try:
        said = json.loads(_owner_file(lock_file).read_text())
        return f"process {said['pid']} on {said['host']} since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _owner_file(lock_file: Path) -> Path:
    return lock_file.with_name(lock_file.name + ".owner")


def _me() -> dict[str, str | int]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
