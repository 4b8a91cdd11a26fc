"""Raw versions: the photos as received, as a manifest over the content-addressed store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowerops.datasets.objects import ObjectStore, read_photo
from flowerops.datasets.reference import read_reference, read_referenced, write_reference
from flowerops.datasets.rows import read_manifest, read_rows, rows_bytes, write_version
from flowerops.datasets.scan import FoundFile, Scan
from flowerops.domain.dataset import Provenance, RawFile, VersionManifest, count_classes
from flowerops.domain.diff import union
from flowerops.domain.progress import Progress
from flowerops.errors import StoreIntegrityError
from flowerops.io.atomic import publish_folder, sync_disk
from flowerops.io.hashing import sha256_bytes
from flowerops.io.parallel import bounded_map

OBJECTS_DIR = "objects"


@dataclass(frozen=True)
class NewPhotos:
    """A folder to take in, and how.

    scan: what is in it. name: the dataset's. synthetic: whether the images are drawings rather than photographs.
    base: rows of an earlier version that the new one is to contain as well; base_places: where those of its photos lie
    that are not in the store. reference: copy nothing: record the hashes and where the files lie. workers: number of
    threads, None for one a core. visit: gets a photo's SHA-256 and bytes while they are at hand, so that no file need
    be read a second time; called from several threads.
    """

    scan: Scan
    name: str
    synthetic: bool = False
    base: Sequence[RawFile] = ()
    base_places: Mapping[str, Path] = field(default_factory=dict)
    reference: bool = False
    workers: int | None = None
    visit: Callable[[str, bytes], None] | None = None


def ingest(new: NewPhotos, home: Path, provenance: Provenance, progress: Progress) -> Path:
    """Copy the scanned files into the store and publish their manifest under its digest.

    Args:
        new: What to take in.
        home: Holds `objects/` and `datasets/`.
        provenance: Who does it.
        progress: Told of every file.

    Returns:
        The version's folder. The same content gives the same folder, and nothing is written again.
    """
    rows = read_files(new, progress, sha256_bytes if new.reference else ObjectStore(home / OBJECTS_DIR).add)
    if not new.reference:
        sync_disk()
    folder = publish_raw(union(new.base, rows) if new.base else rows, new, home, provenance)
    files = zip(rows, new.scan.files, strict=True) if new.reference else ()
    places = {**new.base_places, **{row.sha256: file.location.absolute() for row, file in files}}
    if places:
        write_reference(folder, places)
    return folder


def read_files(new: NewPhotos, progress: Progress, keep: Callable[[bytes], str] = sha256_bytes) -> list[RawFile]:
    """The rows of the new files; `keep` may store the bytes, and gives their SHA-256."""

    def row(found: FoundFile) -> RawFile:
        data = read_photo(found.location)
        sha256 = keep(data)
        if new.visit is not None:
            new.visit(sha256, data)
        return RawFile(bytes=len(data), label=found.label, path=found.path, sha256=sha256)

    rows = []
    with progress.task("reading photos", len(new.scan.files), "file") as task:
        for made in bounded_map(row, new.scan.files, new.workers):
            rows.append(made)
            task.advance()
    return rows


def publish_raw(rows: Iterable[RawFile], new: NewPhotos, home: Path, provenance: Provenance) -> Path:
    """Write the manifest of rows whose bytes are in the store already."""
    ordered = sorted(rows, key=lambda row: (row.label, row.path))
    data = rows_bytes(ordered)
    manifest = VersionManifest(
        kind="raw",
        name=new.name,
        digest=sha256_bytes(data),
        files=len(ordered),
        bytes=sum(row.bytes for row in ordered),
        classes=count_classes(row.label for row in ordered),
        skipped=new.scan.skipped,
        synthetic=new.synthetic,
        provenance=provenance,
    )
    folder = version_folder(home, new.name, manifest.digest)
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
