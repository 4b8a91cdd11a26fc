"""Plain lines: how text is made safe to show, progress where no bar can be, and the log of a step."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import Protocol

_A_LINE_EACH = ("epoch", "trial")
_SECONDS_BETWEEN_LINES = 30
_SHORT_S = 10
"""Work that is over as soon as this needs no word about when."""
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that end a line, move the cursor or turn the text round, and halves of characters."""
_COMMANDS = re.compile(r"#(?=#(?:vso)?\[)|^(?P<blank>\s*):(?=:)", re.IGNORECASE | re.MULTILINE)
"""What gives orders to the agent of a pipeline, whoever prints it: Azure's ##vso[…], GitHub's ##[…] and :: in front."""


def spelled_out(text: str, kept: str = "") -> str:
    """Text with what would steer a terminal or the agent of a pipeline spelled out, except for characters `kept`."""
    plain = _STEERING.sub(lambda found: found[0] if found[0] in kept else _spelled(found[0]), text)
    return _COMMANDS.sub(lambda found: f"{found['blank'] or ''}\\x{ord(found[0][-1]):x}", plain)


def commands_hidden(document: str) -> str:
    """JSON text in which no string is a command to an agent; its values stay what they are."""
    return _COMMANDS.sub(lambda found: f"{found['blank'] or ''}\\u{ord(found[0][-1]):04x}", document)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()


def rate(per_second: float, unit: str) -> str:
    """How many units a second: 412 photos/s; of slow ones, how many seconds each takes: 4.2 s/epoch."""
    if 0 < per_second < 1:
        return f"{1 / per_second:.1f} s/{unit}"
    return f"{per_second:,.0f} {unit}s/s" if per_second >= 10 else f"{per_second:.1f} {unit}s/s"


def duration(seconds: float) -> str:
    """For people: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


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
    """Progress as lines: one an epoch or a trial, and one now and then in other work that takes long."""

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
        now, left = time.monotonic(), self._total - self.done
        if self._unit in _A_LINE_EACH:
            self._listener.message(f"{self._unit} {self.done}/{self._total} · {self.status}{self._most(now, left)}")
            self._said = now
        elif left > 0 and now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            speed = self.done / (now - self._started)
            self._listener.message(
                f"{self._label}: {self.done:,} of {self._total:,}, {rate(speed, self._unit)}, "
                f"about {duration(left / speed)} left"
            )

    def _most(self, now: float, left: int) -> str:
        """How long the rest takes if it is as slow as the last one; training mostly ends before its last epoch."""
        seconds = left * (now - self._said)
        return f" · at most {duration(seconds)} left" if seconds >= _SHORT_S else ""
