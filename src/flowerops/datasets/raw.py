"""Raw versions: the photos as received, as a manifest over the content-addressed store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flowerops.datasets.objects import ObjectStore, hash_file
from flowerops.datasets.reference import read_reference, read_referenced, write_reference
from flowerops.datasets.rows import read_manifest, read_rows, rows_bytes, write_version
from flowerops.datasets.scan import FoundFile, Scan
from flowerops.domain.dataset import Provenance, RawFile, VersionManifest, count_classes
from flowerops.domain.diff import union
from flowerops.domain.progress import Progress
from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import publish_folder, sync_disk
from flowerops.io.hashing import sha256_bytes

OBJECTS_DIR = "objects"
_THREADS = 8


def ingest(
    scan: Scan,
    name: str,
    home: Path,
    provenance: Provenance,
    progress: Progress,
    synthetic: bool,
    *,
    base: Sequence[RawFile] = (),
    reference: bool = False,
) -> Path:
    """Copy the scanned files into the store and publish their manifest under its digest.

    Args:
        scan: What to take in.
        name: The dataset's name.
        home: Holds `objects/` and `datasets/`.
        provenance: Who does it.
        progress: Told of every file.
        synthetic: Whether the images are drawings rather than photographs.
        base: Rows of an earlier version that the new one is to contain as well.
        reference: Copy nothing: record the hashes and where the files lie.

    Returns:
        The version's folder. The same content gives the same folder, and nothing is written again.
    """
    if reference:
        rows = hash_files(scan, progress)
    else:
        rows = _each_file(scan, ObjectStore(home / OBJECTS_DIR).add, progress)
        sync_disk()
    folder = publish_raw(union(base, rows) if base else rows, scan, name, home, provenance, synthetic)
    if reference:
        files = zip(rows, scan.files, strict=True)
        write_reference(folder, {row.sha256: file.location.absolute() for row, file in files})
    return folder


def hash_files(scan: Scan, progress: Progress) -> list[RawFile]:
    """The rows that `ingest` would make, without storing anything."""
    return _each_file(scan, hash_file, progress)


def _each_file(scan: Scan, read: Callable[[Path], tuple[str, int]], progress: Progress) -> list[RawFile]:
    def row(found: FoundFile) -> RawFile:
        sha256, size = read(found.location)
        return RawFile(bytes=size, label=found.label, path=found.path, sha256=sha256)

    rows = []
    with progress.task("reading photos", len(scan.files), "file") as task, ThreadPoolExecutor(_THREADS) as pool:
        for made in pool.map(row, scan.files):
            rows.append(made)
            task.advance()
    return rows


def publish_raw(
    rows: Iterable[RawFile], scan: Scan, name: str, home: Path, provenance: Provenance, synthetic: bool
) -> Path:
    """Write the manifest of rows whose bytes are in the store already."""
    ordered = sorted(rows, key=lambda row: (row.label, row.path))
    data = rows_bytes(ordered)
    manifest = VersionManifest(
        kind="raw",
        name=name,
        digest=sha256_bytes(data),
        files=len(ordered),
        bytes=sum(row.bytes for row in ordered),
        classes=count_classes(row.label for row in ordered),
        skipped=scan.skipped,
        synthetic=synthetic,
        provenance=provenance,
    )
    folder = version_folder(home, name, manifest.digest)
    if not folder.exists():
        with publish_folder(folder) as temp:
            write_version(temp, manifest, data)
    return folder


def version_folder(home: Path, name: str, digest: str) -> Path:
    """Where a version with this digest lies."""
    return home / "datasets" / name / digest[:16]


class RawVersion:
    """Reads a raw version: from the store, from where its photos lie, or from a folder that holds them itself."""

    def __init__(self, folder: Path, objects: Path | None = None) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.rows = read_rows(folder, RawFile)
        self.places = read_reference(folder)
        self._store = ObjectStore(objects) if objects else None

    def read(self, row: RawFile) -> bytes:
        """A photo's bytes, checked against its hash.

        Raises:
            StoreIntegrityError: They are missing or changed.
        """
        place = self.places.get(row.sha256)
        if place is not None and (self._store is None or not self._store.path_of(row.sha256).exists()):
            return read_referenced(place, row.sha256)
        if self._store is not None:
            return self._store.read(row.sha256)
        path = self.folder / row.path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreIntegrityError(f"{path} cannot be read: {error.strerror}", "Fetch the version again.") from error
        if sha256_bytes(data) != row.sha256:
            raise StoreIntegrityError(f"{path} is not the file the manifest names", "Fetch the version again.")
        return data
