"""What an endpoint's servers wrote: their last lines, the lines to come, and what their requests came to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flowerops.domain.deployment import TEST_REQUESTS
from flowerops.serving.log_files import KEPT, numbered
from flowerops.targets.local.growing_file import GrowingFile

_TAIL_BYTES = 256 * 1024
POLL_S = 0.3
"""Between two looks at a log that is followed."""


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a log, at most 256 KiB of them; none when there is no log."""
    lines = _tail(log, count)
    for number in range(1, KEPT + 1):
        if len(lines) >= count:
            break
        lines = _tail(numbered(log, number), count - len(lines)) + lines
    return lines


def _tail(log: Path, count: int) -> list[str]:
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _TAIL_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-count:] if count > 0 else []


def logged_failure(log: Path) -> dict[str, str]:
    """The members of the "failed" line with which our servers end when they cannot serve; empty without one."""
    for line in reversed(last_lines(log, 50)):
        said = _document(line)
        if said.get("event") == "failed":
            return said
    return {}


def follow(current: Callable[[], Path | None], lines: int) -> Iterator[str]:
    """The last lines of a log and then those to come.

    Args:
        current: The log to follow right now, which changes with the deployment that has the traffic; None ends it.
        lines: How many of the lines that are there already.
    """
    reader: GrowingFile | None = None
    while True:
        log = current()
        if reader is not None and log != reader.path:
            yield from reader.read(to_the_end=True)
        if log is None:
            return
        if reader is None or log != reader.path:
            # Of a log that takes over everything is new.
            reader = GrowingFile(log, skip_to_end=reader is None)
            yield from last_lines(log, lines) if reader.position else []
        yield from reader.read()
        time.sleep(POLL_S)


class RequestCount:
    """Counts the clients' requests in a deployment's log, and those that the deployment failed."""

    def __init__(self, log: Path) -> None:
        self._reader = GrowingFile(log, skip_to_end=True)
        self.times_ms: list[float] = []
        self.errors = 0

    def look(self) -> None:
        """Take in what was logged since the last call. A client's own faults (4xx) are no errors of the deployment."""
        for line in self._reader.read():
            said = _document(line)
            ours = str(said.get("request_id", "")).startswith(TEST_REQUESTS)
            if said.get("event") == "request" and str(said.get("path", "")).startswith("/score") and not ours:
                self.errors += int(said.get("status", 0)) >= 500
                self.times_ms.append(float(said.get("ms", 0.0)))


def _document(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
