"""Plain lines: how text is made safe to show, progress where no bar can be, and the log of a step."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import Protocol

_EPOCH = "epoch"
_SECONDS_BETWEEN_LINES = 30
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that end a line, move the cursor or turn the text round, and halves of characters."""


def spelled_out(text: str, kept: str = "") -> str:
    """Text with what would steer a terminal spelled out, except for the characters that are `kept`."""
    return _STEERING.sub(lambda found: found[0] if found[0] in kept else _spelled(found[0]), text)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()


def rate(per_second: float, unit: str) -> str:
    """How many units a second: 412 photos/s."""
    return f"{per_second:,.0f} {unit}s/s" if per_second >= 10 else f"{per_second:.1f} {unit}s/s"


class Listener(Protocol):
    """Takes one line at a time."""

    def message(self, text: str) -> None:
        """Say one line."""


class LogFile:
    """A file that gets lines, each of them at once; one that cannot be written does not stop the work."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def message(self, text: str) -> None:
        """Add one line."""
        self.append(spelled_out(text) + "\n")

    def append(self, text: str) -> None:
        """Add text as it is."""
        with contextlib.suppress(OSError):  # on a full disk, say; what the user must hear is told on the screen
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)


class ProgressLines:
    """Progress as lines: one an epoch, and one now and then in work that takes long."""

    def __init__(self, listener: Listener, label: str, total: int, unit: str) -> None:
        self._listener = listener
        self._label = label
        self._total = total
        self._unit = unit
        self._started = self._said = time.monotonic()
        self.done = 0
        self.status = ""

    def advance(self, amount: int = 1, status: str | None = None) -> None:
        """Count units as done."""
        self.done += amount
        self.status = status or self.status
        if self._unit == _EPOCH:
            self._listener.message(f"epoch {self.done}/{self._total} · {self.status}")
        elif time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            speed = self.done / (self._said - self._started)
            left = (self._total - self.done) / speed
            self._listener.message(
                f"{self._label}: {self.done:,} of {self._total:,}, {rate(speed, self._unit)}, about {left:.0f} s left"
            )
