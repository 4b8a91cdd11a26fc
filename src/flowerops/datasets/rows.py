"""`files.jsonl`: the canonical rows of a version; the file's SHA-256 is the version's digest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from flowerops.domain.dataset import MANIFEST_FILE, ROWS_FILE, VersionManifest
from flowerops.domain.documents import Document, canonical_json
from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes

Row = TypeVar("Row", bound=Document)


def rows_bytes(rows: Sequence[Document]) -> bytes:
    """One canonical JSON object a line, in the order given."""
    return b"".join(canonical_json(row.model_dump()) + b"\n" for row in rows)


def write_version(folder: Path, manifest: VersionManifest, rows: bytes) -> None:
    """Write rows and manifest into a folder that is about to be published."""
    atomic_write(folder / ROWS_FILE, rows)
    atomic_write(folder / MANIFEST_FILE, manifest.to_json())


def read_manifest(folder: Path) -> VersionManifest:
    """Read a version's manifest.

    Raises:
        StoreIntegrityError: It is missing or malformed.
    """
    path = folder / MANIFEST_FILE
    try:
        text = path.read_bytes()
    except OSError as error:
        raise StoreIntegrityError(
            f"{path} cannot be read: {error.strerror}", "The version's folder is damaged."
        ) from error
    return VersionManifest.from_json(text, str(path))


def read_rows(folder: Path, kind: type[Row]) -> list[Row]:
    """Read a version's rows after checking them against the manifest's digest.

    Raises:
        StoreIntegrityError: The rows are missing, not those the digest was made of, or of another kind.
    """
    digest = read_manifest(folder).digest
    path = folder / ROWS_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreIntegrityError(
            f"{path} cannot be read: {error.strerror}", "The version's folder is damaged."
        ) from error
    if sha256_bytes(data) != digest:
        raise StoreIntegrityError(f"{path} does not match its digest {digest[:12]}", "The version was changed by hand.")
    return [kind.from_json(line, str(path)) for line in data.splitlines()]
