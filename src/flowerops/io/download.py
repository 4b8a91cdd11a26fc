"""Download a large known file: resumable, checked, from public addresses only."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from flowerops.domain.progress import Progress, Task
from flowerops.errors import DiskFullError, RemoteError
from flowerops.io.atomic import explain_os_error, sync_folder
from flowerops.io.exchange import BrokenExchangeError, streaming
from flowerops.io.fetch import REDIRECTS, WORTH_A_RETRY, backoff, retry_after
from flowerops.io.hashing import sha256_file
from flowerops.io.locks import exclusive
from flowerops.io.urls import Url, parse_url

_PIECE = 256 * 1024
_TRIES = 5
"""So many tries in a row may bring nothing."""
_REDIRECT_LIMIT = 5
_STALL_S = 30.0
_LONGEST_S = 24 * 3600.0
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class KnownFile:
    """A published file. sha256, bytes: what it must have."""

    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class _Hitch:
    """Why a request did not bring everything, and for how many seconds the server asks for patience."""

    error: RemoteError
    pause_s: float | None = None


class _WrongFileError(Exception):
    """The server has another file under this address; the message says how it differs."""


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
    resumed = _size(part) > 0
    try:
        _gather(part, known, progress, allow_private)
        return
    except _WrongFileError as error:
        part.unlink(missing_ok=True)
        if not resumed:
            raise _other_file(known, error) from error
    progress.message(f"what an earlier try left of {part.stem} is of another file; starting again")
    try:
        _gather(part, known, progress, allow_private)
    except _WrongFileError as error:
        part.unlink(missing_ok=True)
        raise _other_file(known, error) from error


def _gather(part: Path, known: KnownFile, progress: Progress, allow_private: bool) -> None:
    deadline = time.monotonic() + _LONGEST_S
    fruitless = 0
    with progress.task("downloading", known.bytes, "byte") as task:
        task.advance(min(_size(part), known.bytes))
        while (before := _size(part)) < known.bytes:
            hitch = _attempt(part, known, task, deadline, allow_private)
            if _size(part) >= known.bytes:
                break
            fruitless = 0 if _size(part) > before else fruitless + 1
            pause = hitch.pause_s if hitch.pause_s is not None else backoff(fruitless + 1)
            if fruitless >= _TRIES or time.monotonic() + pause >= deadline:
                raise hitch.error
            time.sleep(pause)
    _check_whole(part, known)


def _attempt(part: Path, known: KnownFile, task: Task, deadline: float, allow_private: bool) -> _Hitch:
    """Ask for the rest once; gives what to say, and how long to wait, should it not have come whole."""
    start = _size(part)
    try:
        with _answer(known, start, deadline, allow_private) as (url, answer):
            cut = RemoteError(f"{url.shown} ended too early, again and again", "Run again later; it goes on from here.")
            if answer.status in WORTH_A_RETRY:
                headers = {name.lower(): value for name, value in answer.getheaders()}
                error = RemoteError(f"{url.shown} answered with status {answer.status}", "Run again later.")
                return _Hitch(error, retry_after(headers, 1))
            if answer.status == 200 and start:
                task.advance(-start)
            start = _checked_start(answer, url, start, known)
            _append(answer, part, start, known, task)
            return _Hitch(cut)
    except BrokenExchangeError as error:
        return _Hitch(error)


def _checked_start(answer: http.client.HTTPResponse, url: Url, start: int, known: KnownFile) -> int:
    """From which byte of the file the answer's body is."""
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise RemoteError(f"{url.shown} answered an encoded body that was not asked for", "Try another URL.")
    if answer.status == 206:
        found = _RANGE.fullmatch(answer.getheader("Content-Range") or "")
        if found is None or int(found[1]) != start:
            raise RemoteError(f"{url.shown} answered another range than was asked for", "Try another URL.")
        if found[2] not in ("*", str(known.bytes)):
            raise _WrongFileError(f"it has {int(found[2]):,} bytes")
        return start
    if answer.status == 416:
        raise _WrongFileError(f"it has fewer than {known.bytes:,} bytes")
    if answer.status != 200:
        raise RemoteError(f"{url.shown} answered with status {answer.status}", "Check the URL.")
    if answer.length is not None and answer.length != known.bytes:
        raise _WrongFileError(f"it has {answer.length:,} bytes")
    return 0


def _append(answer: http.client.HTTPResponse, part: Path, start: int, known: KnownFile, task: Task) -> None:
    size = start
    with _disk_errors_explained(part):
        stream = part.open("ab" if start else "wb", buffering=0)
    with stream:
        while piece := answer.read1(_PIECE):
            size += len(piece)
            if size > known.bytes:
                raise _WrongFileError(f"it has more than {known.bytes:,} bytes")
            with _disk_errors_explained(part):
                rest = memoryview(piece)
                while rest:
                    rest = rest[stream.write(rest) :]
            task.advance(len(piece))


@contextmanager
def _disk_errors_explained(part: Path) -> Iterator[None]:
    """Else a full disk would look like a broken connection."""
    try:
        yield
    except OSError as error:
        raise explain_os_error(error, part) from error


@contextmanager
def _answer(
    known: KnownFile, start: int, deadline: float, allow_private: bool
) -> Iterator[tuple[Url, http.client.HTTPResponse]]:
    """The answer behind all redirects; each address is checked anew."""
    url = parse_url(known.url)
    headers = {"Range": f"bytes={start}-"} if start else {}
    for _ in range(_REDIRECT_LIMIT + 1):
        with streaming(url, headers, deadline, _STALL_S, allow_private) as answer:
            location = answer.getheader("Location")
            if answer.status not in REDIRECTS or not location:
                yield url, answer
                return
            url = parse_url(urljoin(url.text, location))
    raise RemoteError(f"more than {_REDIRECT_LIMIT} redirects, the last to {url.shown}", "Check the URL.")


def _check_whole(part: Path, known: KnownFile) -> None:
    if _size(part) != known.bytes:
        raise _WrongFileError(f"it has {_size(part):,} bytes")
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    got = sha256_file(part)
    if got != known.sha256:
        raise _WrongFileError(f"its SHA-256 is {got}")


def _other_file(known: KnownFile, error: _WrongFileError) -> RemoteError:
    return RemoteError(
        f"{parse_url(known.url).shown} is not the file that was published: {error}",
        f"Expected are {known.bytes:,} bytes with the SHA-256 {known.sha256}.",
    )


def _check_room(part: Path, known: KnownFile) -> None:
    needed, free = known.bytes - _size(part), shutil.disk_usage(part.parent).free
    if needed > free:
        raise DiskFullError(
            f"the download needs {needed / 1e6:,.0f} MB, the disk has {free / 1e6:,.0f} MB free", "Free some space."
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
