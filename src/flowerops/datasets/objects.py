"""The content-addressed store: bytes under their SHA-256, written once, checked on every read."""

from __future__ import annotations

from pathlib import Path

from flowerops.datasets.scan import MAX_FILE_BYTES
from flowerops.errors import BadInputError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import read_checked, sha256_bytes
from flowerops.io.reading import read_bounded


class ObjectStore:
    """Photos by content. Copies of the same bytes share one object; a user's file is never linked, only copied."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, sha256: str) -> Path:
        """Where an object lies, whether or not it is there."""
        return self.root / sha256[:2] / sha256[2:]

    def add(self, data: bytes) -> str:
        """Keep a photo's bytes; call `io.atomic.sync_disk` once after many.

        An object that is there and is not what its name says (a power failure, a hand) is written anew.

        Returns:
            Its SHA-256.
        """
        sha256 = sha256_bytes(data)
        target = self.path_of(sha256)
        if not _holds(target, data):
            atomic_write(target, data, durable=False)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The object's bytes.

        Raises:
            StoreIntegrityError: It is missing or its bytes changed.
        """
        path = self.path_of(sha256)
        hint = "The store was changed by hand. Run preprocess on the original folder again to restore it."
        return read_checked(path, sha256, f"stored photo {path}", "is corrupt", hint)


def read_photo(file: Path) -> bytes:
    """A user's file.

    Raises:
        BadInputError: It cannot be read.
    """
    try:
        return read_bounded(file, MAX_FILE_BYTES, regular=True)
    except OSError as error:
        raise BadInputError(f"cannot read {file}: {error.strerror}", "Mend its permissions or remove it.") from error


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False
