"""Read a file that a user named, or that lies in a stranger's folder, into a bounded piece of memory."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_PIECE = 1 << 20
_MIB = 1 << 20


def read_bounded(file: Path, most: int, *, regular: bool = False) -> bytes:
    """A file's bytes.

    Args:
        file: The file. A pipe is read to its end, as `predict <(curl …)` wants it.
        most: The most bytes that it may have; no more than a little further are ever read.
        regular: Whether it must be a regular file. What became a pipe since somebody looked is not waited for.

    Raises:
        OSError: It cannot be read, has more bytes, or is not a regular file; `strerror` says which.
    """
    with open(file, "rb", buffering=0, opener=_without_waiting if regular else None) as stream:
        state = os.fstat(stream.fileno())
        if stat.S_ISREG(state.st_mode):
            if state.st_size > most:
                raise _too_large(file, most)
            return stream.readall()
        if regular:
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        data = bytearray()
        while piece := stream.read(_PIECE):
            data += piece
            if len(data) > most:
                raise _too_large(file, most)
        return bytes(data)


def _without_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _too_large(file: Path, most: int) -> OSError:
    return OSError(errno.EINVAL, f"larger than {most / _MIB:g} MiB", str(file))
