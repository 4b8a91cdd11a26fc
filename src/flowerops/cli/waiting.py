"""A sign of life on a terminal while nothing else is said: loading TensorFlow or exporting a model takes a while."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import TextIO

from flowerops.cli.lines import duration

_QUIET_S = 1.0
_FRAME_S = 0.125
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_ERASE = "\r\x1b[K"


def on_a_screen(stream: TextIO) -> bool:
    """Whether lines on it can be drawn over: a terminal that takes its escape sequences."""
    return stream.isatty() and os.environ.get("TERM", "").casefold() not in {"dumb", "unknown"}


class Waiting:
    """A line that a thread of its own draws when nothing was said for a second, and that goes when something is.

    The cursor stays visible, so that a killed command leaves the terminal as it was.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._silent_since = time.monotonic()
        self._speaking = 0
        self._drawn = False

    def begin(self) -> None:
        """Watch over the silence from now on."""
        if self._thread is None:
            self._silent_since = time.monotonic()
            self._thread = threading.Thread(target=self._draw, name="waiting", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Erase the line; nothing is drawn any more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._erase()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Something else is on the screen during this block."""
        with self._lock:
            self._erase()
            self._speaking += 1
        try:
            yield
        finally:
            with self._lock:
                self._speaking -= 1
                self._silent_since = time.monotonic()

    def _draw(self) -> None:
        frame = 0
        while not self._ended.wait(_FRAME_S):
            with self._lock:
                seconds = time.monotonic() - self._silent_since
                if self._speaking or seconds < _QUIET_S:
                    continue
                frame += 1
                self._write(f"{_ERASE}{_FRAMES[frame % len(_FRAMES)]} working, {duration(seconds)}")
                self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._write(_ERASE)
            self._drawn = False

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a terminal that is gone, or cannot show it
            self._stream.write(text)
            self._stream.flush()
