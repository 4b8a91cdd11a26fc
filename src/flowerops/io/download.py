"""Download a large known file: resumable, checked, from public addresses only."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from flowerops.domain.progress import Progress
from flowerops.errors import DiskFullError, RemoteError
from flowerops.io.atomic import explain_os_error, sync_folder
from flowerops.io.fetch import backoff
from flowerops.io.hashing import sha256_file
from flowerops.io.locks import exclusive
from flowerops.io.ranges import KnownFile, WrongFileError, ask_for_rest, size_of_part
from flowerops.io.urls import parse_url

__all__ = ["KnownFile", "download"]

_TRIES = 5
"""So many tries in a row may bring nothing."""
_LONGEST_S = 24 * 3600.0


def download(known: KnownFile, target: Path, progress: Progress, *, allow_private: bool = False) -> Path:
    """Download a file unless it is there already; what an earlier try brought is not asked for again.

    Bytes gather in `<target>.part`, under a lock; the target gets its name when size and hash are right. A connection
    that breaks or stalls is tried again from where it stopped.

    Args:
        known: What to download.
        target: Where to; its folder is made when missing.
        progress: Told of every piece, in bytes.
        allow_private: Also take addresses that are not on the public internet.

    Returns:
        The target.

    Raises:
        BadInputError: Not an http(s) URL, or an address that is not allowed.
        RemoteError: The server does not answer, answers with an error, or has another file.
        DiskFullError: The disk has no room for the file.
        ConflictError: Another process downloads it.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(target.with_name(target.name + ".lock"), f"the download of {target.name}", timeout_s=0.0):
            if target.is_file() and target.stat().st_size == known.bytes and sha256_file(target) == known.sha256:
                return target
            _check_room(part, known)
            _fill(part, known, progress, allow_private)
            part.replace(target)
            sync_folder(target.parent)
    except OSError as error:
        raise explain_os_error(error, target) from error
    return target


def _fill(part: Path, known: KnownFile, progress: Progress, allow_private: bool) -> None:
    """Bring the file's part to its full size, and start again once when it is then another file."""
    resumed = size_of_part(part) > 0
    try:
        _gather(part, known, progress, allow_private)
        return
    except WrongFileError as error:
        part.unlink(missing_ok=True)
        if not resumed:
            raise _other_file(known, error) from error
    progress.message(f"what an earlier try left of {part.stem} is of another file; starting again")
    try:
        _gather(part, known, progress, allow_private)
    except WrongFileError as error:
        part.unlink(missing_ok=True)
        raise _other_file(known, error) from error


def _gather(part: Path, known: KnownFile, progress: Progress, allow_private: bool) -> None:
    deadline = time.monotonic() + _LONGEST_S
    fruitless = 0
    with progress.task("downloading", known.bytes, "byte") as task:
        task.advance(min(size_of_part(part), known.bytes))
        while (before := size_of_part(part)) < known.bytes:
            hitch = ask_for_rest(part, known, task, deadline, allow_private)
            if size_of_part(part) >= known.bytes:
                break
            fruitless = 0 if size_of_part(part) > before else fruitless + 1
            pause = hitch.pause_s if hitch.pause_s is not None else backoff(fruitless + 1)
            if fruitless >= _TRIES or time.monotonic() + pause >= deadline:
                raise hitch.error
            time.sleep(pause)
    _check_whole(part, known)


def _check_whole(part: Path, known: KnownFile) -> None:
    if size_of_part(part) != known.bytes:
        raise WrongFileError(f"it has {size_of_part(part):,} bytes")
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    got = sha256_file(part)
    if got != known.sha256:
        raise WrongFileError(f"its SHA-256 is {got}")


def _other_file(known: KnownFile, error: WrongFileError) -> RemoteError:
    return RemoteError(
        f"{parse_url(known.url).shown} is not the file that was published: {error}",
        f"Expected are {known.bytes:,} bytes with the SHA-256 {known.sha256}.",
    )


def _check_room(part: Path, known: KnownFile) -> None:
    needed, free = known.bytes - size_of_part(part), shutil.disk_usage(part.parent).free
    if needed > free:
        raise DiskFullError(
            f"the download needs {needed / 1e6:,.0f} MB, the disk has {free / 1e6:,.0f} MB free", "Free some space."
        )
