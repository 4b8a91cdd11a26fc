"""Logs that grow and are begun anew, as a server's are."""

from __future__ import annotations

from pathlib import Path

from flowerops.serving.log_files import numbered


def grow(log: Path, *lines: str) -> None:
    """Add lines."""
    with log.open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def begin_anew(log: Path) -> None:
    """What a rotation does to the files."""
    log.replace(numbered(log, 1))
    log.touch()
