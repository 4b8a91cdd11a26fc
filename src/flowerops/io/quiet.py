"""Keep the chatter of native libraries off the screen."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

_SHOWN_BYTES = 4000
_STREAMS = threading.RLock()
"""Two threads that redirected the streams at once would restore each other's redirection and lose them for good."""


@contextlib.contextmanager
def quiet_native_code() -> Iterator[None]:
    """Keep what C++ libraries write to the two standard streams off the screen; show it when the block raises.

    TensorFlow's converter and LiteRT log before, or without, any switch that could silence them. Python's own writers
    (the progress bar) are silent too meanwhile, so wrap single slow calls, not loops.
    """
    with _STREAMS, tempfile.TemporaryFile() as sink:
        saved = _redirected(sink.fileno())
        try:
            yield
        except BaseException:
            sink.seek(0)
            os.write(saved[1], sink.read()[-_SHOWN_BYTES:])
            raise
        finally:
            _restore(saved)


def _redirected(sink: int) -> tuple[int, int]:
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    return saved


def _restore(saved: tuple[int, int]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for descriptor, copy in zip((1, 2), saved, strict=True):
        os.dup2(copy, descriptor)
        os.close(copy)
