"""All pixels of a split at hand for any order of reading, in bounded memory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from flowerops.domain.progress import Progress
from flowerops.ml.source import ImageSource, Pixels

_IN_MEMORY_BYTES = 256 << 20
_READ_BYTES = 16 << 20


class PixelStore(Protocol):
    """Images by position, as often and in whatever order they are wanted."""

    shape: tuple[int, int, int, int]

    def rows(self, positions: npt.NDArray[np.int64]) -> Pixels:
        """uint8 [len(positions), size, size, 3]; may be called from several threads at once."""


@contextlib.contextmanager
def hold(source: ImageSource, size: int, work_dir: Path, progress: Progress) -> Iterator[PixelStore]:
    """Read a source once, in its order, and hold its pixels for the block.

    Beyond 256 MiB they are in a nameless temporary file: it needs size * size * 3 bytes of disk an image, and goes
    away with the process. It is read with `pread`, not mapped, so that what the kernel keeps of it is page cache, which
    it gives back when memory is short, and no memory of this process. A full disk is an OSError, not a bus error.

    Args:
        source: The images.
        size: Their side in pixels.
        work_dir: Where the file would be; made when it is missing.
        progress: Gets the task "reading", counted in images.
    """
    shape = (len(source.keys), size, size, 3)
    with contextlib.ExitStack() as stack:
        if int(np.prod(shape, dtype=np.int64)) <= _IN_MEMORY_BYTES:
            store: _Memory | _File = _Memory(shape)
        else:
            work_dir.mkdir(parents=True, exist_ok=True)
            store = _File(shape, stack.enter_context(tempfile.TemporaryFile(dir=work_dir, buffering=0)).fileno())
        with progress.task("reading", shape[0], "image") as task:
            for chunk in _chunks(shape):
                store.append(chunk.start, source.pixels(chunk))
                task.advance(len(chunk))
        yield store


def _chunks(shape: Sequence[int]) -> Iterator[range]:
    step = max(1, _READ_BYTES // int(np.prod(shape[1:])))
    for start in range(0, shape[0], step):
        yield range(start, min(start + step, shape[0]))


class _Memory:
    def __init__(self, shape: tuple[int, int, int, int]) -> None:
        self.shape = shape
        self._images: Pixels = np.empty(shape, np.uint8)

    def append(self, start: int, images: Pixels) -> None:
        self._images[start : start + len(images)] = images

    def rows(self, positions: npt.NDArray[np.int64]) -> Pixels:
        return self._images[positions]


class _File:
    def __init__(self, shape: tuple[int, int, int, int], descriptor: int) -> None:
        self.shape = shape
        self._descriptor = descriptor
        self._bytes = int(np.prod(shape[1:]))

    def append(self, start: int, images: Pixels) -> None:
        left, at = memoryview(images.tobytes()), start * self._bytes
        while left:
            written = os.pwrite(self._descriptor, left, at)
            left, at = left[written:], at + written

    def rows(self, positions: npt.NDArray[np.int64]) -> Pixels:
        images: Pixels = np.empty((len(positions), *self.shape[1:]), np.uint8)
        for image, position in zip(images, positions, strict=True):
            if os.preadv(self._descriptor, [image], int(position) * self._bytes) != self._bytes:
                raise OSError(f"image {position} is cut off in the temporary file")
        return images
