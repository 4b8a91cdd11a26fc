"""The content-addressed store: bytes under their SHA-256, written once, checked on every read."""

from __future__ import annotations

from pathlib import Path

from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes


class ObjectStore:
    """Photos by content. Copies of the same bytes share one object; a user's file is never linked, only copied."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, sha256: str) -> Path:
        """Where an object lies, whether or not it is there."""
        return self.root / sha256[:2] / sha256[2:]

    def add(self, file: Path) -> tuple[str, int]:
        """Take a file in; call `io.atomic.sync_disk` once after many.

        Returns:
            Its SHA-256 and size in bytes.

        Raises:
            BadInputError: The file cannot be read.
        """
        data = _read(file)
        sha256 = sha256_bytes(data)
        target = self.path_of(sha256)
        if not _is_there(target, len(data)):
            atomic_write(target, data, durable=False)
        return sha256, len(data)

    def read(self, sha256: str) -> bytes:
        """The object's bytes.

        Raises:
            StoreIntegrityError: It is missing or its bytes changed.
        """
        path = self.path_of(sha256)
        hint = "The store was changed by hand. Run preprocess on the original folder again to restore it."
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreIntegrityError(f"stored photo {path} cannot be read: {error.strerror}", hint) from error
        if sha256_bytes(data) != sha256:
            raise StoreIntegrityError(f"stored photo {path} is corrupt", f"Delete that file. {hint}")
        return data


def hash_file(file: Path) -> tuple[str, int]:
    """A user's file's SHA-256 and size in bytes.

    Raises:
        BadInputError: It cannot be read.
    """
    data = _read(file)
    return sha256_bytes(data), len(data)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {file}: {error.strerror}", "Mend its permissions or remove it.") from error


def _is_there(path: Path, size: int) -> bool:
    """Whether a file of this size is there: a power failure can leave a name without its bytes."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
