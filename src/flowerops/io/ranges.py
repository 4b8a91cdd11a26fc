"""One request for what is still missing of a known file."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from flowerops.domain.progress import Task
from flowerops.errors import RemoteError
from flowerops.io.atomic import explain_os_error
from flowerops.io.exchange import BrokenExchangeError, streaming
from flowerops.io.fetch import REDIRECTS, WORTH_A_RETRY, retry_after
from flowerops.io.urls import Url, parse_url

_PIECE = 256 * 1024
_REDIRECT_LIMIT = 5
_STALL_S = 30.0
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class KnownFile:
    """A published file. sha256, bytes: what it must have."""

    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Hitch:
    """Why a request did not bring everything, and for how many seconds the server asks for patience."""

    error: RemoteError
    pause_s: float | None = None


class WrongFileError(Exception):
    """The server has another file under this address; the message says how it differs."""


def ask_for_rest(part: Path, known: KnownFile, task: Task, deadline: float, allow_private: bool) -> Hitch:
    """Ask for the rest of a file once, and append what comes.

    Args:
        part: What there is of the file; need not exist.
        known: The file.
        task: Told of every piece, in bytes.
        deadline: When to give up, by time.monotonic().
        allow_private: Whether addresses off the public internet are allowed.

    Returns:
        What to say, and how long to wait, should it not have come whole.

    Raises:
        WrongFileError: The server has another file.
        RemoteError: It answers with an error, or with something else than was asked for.
    """
    start = size_of_part(part)
    try:
        with _answer(known, start, deadline, allow_private) as (url, answer):
            cut = RemoteError(f"{url.shown} ended too early, again and again", "Run again later; it goes on from here.")
            if answer.status in WORTH_A_RETRY:
                headers = {name.lower(): value for name, value in answer.getheaders()}
                error = RemoteError(f"{url.shown} answered with status {answer.status}", "Run again later.")
                return Hitch(error, retry_after(headers, 1))
            if answer.status == 200 and start:
                task.advance(-start)
            start = _checked_start(answer, url, start, known)
            _append(answer, part, start, known, task)
            return Hitch(cut)
    except BrokenExchangeError as error:
        return Hitch(error)


def _checked_start(answer: http.client.HTTPResponse, url: Url, start: int, known: KnownFile) -> int:
    """From which byte of the file the answer's body is."""
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise RemoteError(f"{url.shown} answered an encoded body that was not asked for", "Try another URL.")
    if answer.status == 206:
        found = _RANGE.fullmatch(answer.getheader("Content-Range") or "")
        if found is None or int(found[1]) != start:
            raise RemoteError(f"{url.shown} answered another range than was asked for", "Try another URL.")
        if found[2] not in ("*", str(known.bytes)):
            raise WrongFileError(f"it has {int(found[2]):,} bytes")
        return start
    if answer.status == 416:
        raise WrongFileError(f"it has fewer than {known.bytes:,} bytes")
    if answer.status != 200:
        raise RemoteError(f"{url.shown} answered with status {answer.status}", "Check the URL.")
    if answer.length is not None and answer.length != known.bytes:
        raise WrongFileError(f"it has {answer.length:,} bytes")
    return 0


def _append(answer: http.client.HTTPResponse, part: Path, start: int, known: KnownFile, task: Task) -> None:
    size = start
    with _disk_errors_explained(part):
        stream = part.open("ab" if start else "wb", buffering=0)
    with stream:
        while piece := answer.read1(_PIECE):
            size += len(piece)
            if size > known.bytes:
                raise WrongFileError(f"it has more than {known.bytes:,} bytes")
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


def size_of_part(path: Path) -> int:
    """Bytes of a file; 0 when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
