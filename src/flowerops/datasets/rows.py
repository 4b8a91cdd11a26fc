"""`files.jsonl`: the canonical rows of a version; the file's SHA-256 is the version's digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from flowerops.domain.dataset import (
    MANIFEST_FILE,
    ROWS_FILE,
    PhotoFacts,
    ProcessedImage,
    RawFile,
    VersionManifest,
)
from flowerops.domain.documents import canonical_json, malformed
from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes

AnyRow = RawFile | ProcessedImage | PhotoFacts
Row = TypeVar("Row", RawFile, ProcessedImage, PhotoFacts)


def rows_bytes(rows: Sequence[AnyRow]) -> bytes:
    """One canonical JSON object a line, in the order given."""
    return b"".join(row_line(row) for row in rows)


def row_line(row: AnyRow) -> bytes:
    """A row as one line of canonical JSON."""
    kind: Any = type(row)
    return canonical_json({name: getattr(row, name) for name in _members(kind)}) + b"\n"


@cache
def _members(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def parse_rows(lines: Iterable[bytes], kind: type[Row], source: str) -> Iterator[Row]:
    """Rows from lines of JSON.

    Raises:
        StoreIntegrityError: A line is not such a row; `source` is named.
    """
    of: Any = kind
    adapter = _adapter(of)
    try:
        for line in lines:
            yield adapter.validate_json(line)
    except ValidationError as error:
        raise malformed(error, source) from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def write_version(folder: Path, manifest: VersionManifest, rows: bytes) -> None:
    """Write rows and manifest into a folder that is about to be published."""
    atomic_write(folder / ROWS_FILE, rows)
    atomic_write(folder / MANIFEST_FILE, manifest.to_json())


def read_manifest(folder: Path) -> VersionManifest:
    """Read a version's manifest.

    Raises:
        StoreIntegrityError: It is missing or malformed.
    """
    return VersionManifest.from_json(_read(folder / MANIFEST_FILE), str(folder / MANIFEST_FILE))


def read_rows(folder: Path, kind: type[Row]) -> list[Row]:
    """Read a version's rows after checking them against the manifest's digest.

    Raises:
        StoreIntegrityError: The rows are missing, not those the digest was made of, or of another kind.
    """
    path, data = folder / ROWS_FILE, checked_rows(folder)
    return list(parse_rows(data.splitlines(), kind, str(path)))


def checked_rows(folder: Path) -> bytes:
    """The bytes of a version's rows after checking them against the manifest's digest.

    Raises:
        StoreIntegrityError: They are missing, or not those the digest was made of.
    """
    digest, path = read_manifest(folder).digest, folder / ROWS_FILE
    data = _read(path)
    if sha256_bytes(data) != digest:
        raise StoreIntegrityError(f"{path} does not match its digest {digest[:12]}", "The version was changed by hand.")
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreIntegrityError(
            f"{path} cannot be read: {error.strerror}", "The version's folder is damaged."
        ) from error
