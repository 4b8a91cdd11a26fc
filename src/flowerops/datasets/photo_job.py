"""Everything that is done with a photo while its bytes are at hand: hash, store, decode. Each file is read once."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from flowerops.datasets.objects import ObjectStore, read_photo
from flowerops.datasets.scan import FoundFile
from flowerops.datasets.squares import SquaresWriter, facts_of
from flowerops.domain.dataset import RawFile
from flowerops.images import ImageRejectedError, prepare_image
from flowerops.io.hashing import sha256_bytes


class Outcome(NamedTuple):
    """A photo's SHA-256 and size in bytes, and why it is no usable image, if anybody found out."""

    sha256: str
    bytes: int
    rejected: str | None


@dataclass(frozen=True)
class Decode:
    """How photos are decoded: the geometry, and where the squares go.

    squares: folder that gets a sub-folder from each process; None only to see what would be rejected.
    known: SHA-256 of photos that need no decoding.
    """

    image_size: int
    fit: str
    squares: Path | None = None
    known: frozenset[str] = field(default_factory=frozenset)


class Source(Protocol):
    """Where the bytes come from; can be pickled."""

    def read(self, item: FoundFile | RawFile) -> bytes:
        """A photo's bytes."""


class UserFiles:
    """The files of a scanned folder."""

    def read(self, item: FoundFile | RawFile) -> bytes:
        """A file's bytes.

        Raises:
            BadInputError: It cannot be read.
        """
        assert isinstance(item, FoundFile)
        return read_photo(item.location)


@dataclass(frozen=True)
class PhotoJob:
    """What to do with every photo, in a form that other processes can be told.

    store: where the bytes are kept, or None. decode: how they become squares, or None.
    """

    source: Source
    store: ObjectStore | None = None
    decode: Decode | None = None

    def begin(self) -> PhotoWork:
        """Open this process's files."""
        return PhotoWork(self)


class PhotoWork:
    """Does the job; decodes each content once in this process. Safe for several threads."""

    def __init__(self, job: PhotoJob) -> None:
        self._job = job
        folder = job.decode.squares if job.decode else None
        self._writer = SquaresWriter(folder / str(os.getpid())) if folder else None
        self._reasons: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def __call__(self, batch: Sequence[FoundFile | RawFile]) -> list[Outcome]:
        """Read, hash, store and decode some photos."""
        outcomes = [self._do(item) for item in batch]
        if self._writer is not None:
            self._writer.flush()
        return outcomes

    def close(self) -> None:
        """Finish the files."""
        if self._writer is not None:
            self._writer.close()

    def _do(self, item: FoundFile | RawFile) -> Outcome:
        data = self._job.source.read(item)
        sha256 = self._job.store.add(data) if self._job.store else sha256_bytes(data)
        return Outcome(sha256, len(data), self._decoded(sha256, data) if self._job.decode else None)

    def _decoded(self, sha256: str, data: bytes) -> str | None:
        assert self._job.decode is not None
        with self._lock:
            if sha256 in self._job.decode.known or sha256 in self._reasons:
                return self._reasons.get(sha256)
            self._reasons[sha256] = None
        try:
            prepared = prepare_image(data, self._job.decode.image_size, self._job.decode.fit)
        except ImageRejectedError as error:
            self._reasons[sha256] = error.reason
            if self._writer is not None:
                self._writer.reject(sha256, error.reason)
            return error.reason
        if self._writer is not None:
            self._writer.add(facts_of(sha256, prepared), prepared.pixels)
        return None
