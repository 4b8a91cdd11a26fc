"""Keep the log of a process that runs for months small: a full file gets a number, and a new one takes its place.

stdout and stderr lead into the file, whoever writes to them; after the file got its number they lead into the new one,
so that no line is lost. Standard library only: the front uses it, too.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
KEPT = 2
_EVERY_SECONDS = 5.0
_OUTPUTS = (1, 2)


def numbered(log: Path, number: int) -> Path:
    """Where the n-th full file before a log lies (n = 1 is the newest)."""
    return log.with_name(f"{log.name}.{number}")


def rotate_if_full(log: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> bool:
    """Begin a new file when the present one is full.

    Args:
        log: The file that this process's stdout and stderr lead into.
        max_bytes: From this size on it is full.
        kept: How many full files stay.

    Returns:
        Whether a new one was begun.
    """
    try:
        if log.stat().st_size < max_bytes:
            return False
        for number in range(kept, 1, -1):
            if numbered(log, number - 1).exists():
                numbered(log, number - 1).replace(numbered(log, number))
        log.replace(numbered(log, 1))
        fresh = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:  # a full disk, or a folder that is gone: the lines go on where they went
        return False
    for output in _OUTPUTS:
        os.dup2(fresh, output)
    os.close(fresh)
    return True


async def keep_small(log: Path, max_bytes: int = MAX_BYTES, every_seconds: float = _EVERY_SECONDS) -> None:
    """Look at the log now and then, for as long as the task runs."""
    while True:
        await asyncio.sleep(every_seconds)
        rotate_if_full(log, max_bytes)
