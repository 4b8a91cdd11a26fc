"""A file system of a few megabytes that fills up for real: a tmpfs in a mount namespace of its own.

Only processes started through `SmallDisk.wrapper` see it under its path; the test itself looks at it through /proc.
Nothing has to be unmounted: the file system goes with the process that holds the namespace.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowerops.io.atomic import TEMP_PREFIX
from helpers.command import Outcome, flowerops

_MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$0" && echo mounted && exec cat'
_FILLER = "filler"


@dataclass(frozen=True)
class SmallDisk:
    """place: its path for the commands. seen: the same for the test. wrapper: puts a command into the namespace."""

    place: Path
    seen: Path
    wrapper: list[str]

    def run(self, *arguments: str | Path) -> Outcome:
        """A flowerops command on this disk."""
        return flowerops(*arguments, cwd=self.place, wrapper=self.wrapper)

    def leave(self, free: int) -> None:
        """Fill the disk up until so many bytes are free."""
        self.free_up()
        with (self.seen / _FILLER).open("wb") as filler:
            state = os.statvfs(self.seen)
            size = max(state.f_bavail * state.f_frsize - free, 0)
            if size:
                os.posix_fallocate(filler.fileno(), 0, size)

    def free_up(self) -> None:
        """Make room again."""
        (self.seen / _FILLER).unlink(missing_ok=True)

    def refused(self, *arguments: str | Path, free: int) -> Outcome:
        """The command with so much room ends as documented: 9, plain words, and nothing half is left behind."""
        self.leave(free)
        outcome = self.run(*arguments)
        self.free_up()
        assert outcome.code == 9, outcome
        assert "no room left on the disk" in outcome.stderr
        assert "hint:" in outcome.stderr
        assert "Traceback" not in outcome.stderr
        assert self.leftovers() == []
        return outcome

    def leftovers(self) -> list[Path]:
        """Temporary files and folders anywhere on it."""
        return sorted(self.seen.rglob(f"{TEMP_PREFIX}*"))


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of this size over an existing folder; skips where that is not allowed."""
    for tool in ("unshare", "nsenter", "mount"):
        if shutil.which(tool) is None:
            pytest.skip(f"a small disk needs {tool} (Debian: util-linux, mount)")
    as_root = os.geteuid() == 0
    options = ["-m"] if as_root else ["-Urm"]
    holder = subprocess.Popen(
        ["unshare", *options, "sh", "-c", _MOUNT, str(place), f"{megabytes}m"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with holder:  # whose end, when its stdin is closed, is the file system's
        if holder.stdout is None or holder.stdout.readline() != "mounted\n":
            pytest.skip(f"no file system can be mounted here: {holder.communicate()[1].strip()}")
        entry = ["nsenter", "--target", str(holder.pid), "--mount"]
        entry += [] if as_root else ["--user", "--preserve-credentials"]
        wrapper = [*entry, "sh", "-c", 'cd "$0" && exec "$@"', str(place)]
        yield SmallDisk(place, Path(f"/proc/{holder.pid}/root{place}"), wrapper)
