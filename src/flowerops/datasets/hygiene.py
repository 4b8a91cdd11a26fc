"""The hygiene of a processed version: read when it was stored with the version, else computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flowerops.datasets.rows import read_manifest, read_rows
from flowerops.domain.dataset import ProcessedImage, VersionManifest
from flowerops.domain.hygiene import HYGIENE_VERSION, Hygiene
from flowerops.domain.hygiene_findings import examine
from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import atomic_write

HYGIENE_FILE = "hygiene.json"


def hygiene_of_rows(rows: Sequence[ProcessedImage], manifest: VersionManifest, raw: VersionManifest | None) -> Hygiene:
    """Compute the hygiene of rows; `raw` is the manifest of the version they were made from, when known."""
    from flowerops.datasets.duplicates import near_duplicates  # NumPy, which those who only read a page do not need

    return examine(rows, manifest, raw, near_duplicates(rows))


def write_hygiene(
    folder: Path, rows: Sequence[ProcessedImage], manifest: VersionManifest, raw: VersionManifest
) -> Hygiene:
    """Store the hygiene in a folder that is about to be published, so that nobody need compute it again."""
    hygiene = hygiene_of_rows(rows, manifest, raw)
    atomic_write(folder / HYGIENE_FILE, hygiene.to_json(), durable=False)
    return hygiene


def read_hygiene(folder: Path, raw: VersionManifest | None = None) -> Hygiene:
    """The hygiene of a processed version's folder.

    Raises:
        StoreIntegrityError: It has to be computed and the rows or the manifest are damaged.
    """
    stored = _stored(folder)
    if stored is not None:
        return stored
    return hygiene_of_rows(read_rows(folder, ProcessedImage), read_manifest(folder), raw)


def _stored(folder: Path) -> Hygiene | None:
    """What was stored, unless it is missing, damaged or of another version of flowerops: it can be computed again."""
    try:
        hygiene = Hygiene.from_json((folder / HYGIENE_FILE).read_bytes(), HYGIENE_FILE)
    except (OSError, StoreIntegrityError):
        return None
    return hygiene if hygiene.hygiene_version == HYGIENE_VERSION else None
