"""A file that others go on writing to, read by whole lines."""

from __future__ import annotations

import os
from pathlib import Path

from flowerops.serving.log_files import KEPT, numbered

_LONGEST_LINE = 256 * 1024


class GrowingFile:
    """Reads it, also across the moment at which a new file takes its place."""

    def __init__(self, path: Path, *, skip_to_end: bool = False) -> None:
        self.path = path
        self.position = 0
        self._inode = _inode(path)
        if skip_to_end and self._inode is not None:
            self.position = _end_of_last_line(path)

    def read(self, *, to_the_end: bool = False) -> list[str]:
        """The lines that came since the last call; one without an end waits for it, unless `to_the_end`."""
        now = _inode(self.path)
        if now == self._inode:
            return self._lines(self.path, to_the_end=to_the_end)
        before, self._inode = self._inode, now
        lines = []
        for number in range(1, KEPT + 1):
            if before is not None and _inode(numbered(self.path, number)) == before:
                lines = self._lines(numbered(self.path, number), to_the_end=True)
        self.position = 0
        return lines + self._lines(self.path, to_the_end=to_the_end)

    def _lines(self, log: Path, *, to_the_end: bool) -> list[str]:
        try:
            with log.open("rb") as stream:
                stream.seek(self.position)
                data = stream.read()
        except OSError:
            return []
        if not to_the_end:
            data = data[: data.rfind(b"\n") + 1]
        self.position += len(data)
        return data.decode("utf-8", "replace").splitlines()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _end_of_last_line(path: Path) -> int:
    """Where the line that is being written begins; from one look, for the file may grow meanwhile."""
    try:
        with path.open("rb") as stream:
            start = max(0, stream.seek(0, os.SEEK_END) - _LONGEST_LINE)
            stream.seek(start)
            return start + stream.read().rfind(b"\n") + 1
    except OSError:  # it went away just now
        return 0
