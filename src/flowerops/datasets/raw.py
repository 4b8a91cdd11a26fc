"""Raw versions: the photos as received, as a manifest over the content-addressed store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowerops.datasets.objects import ObjectStore
from flowerops.datasets.photo_job import Decode, PhotoJob, UserFiles
from flowerops.datasets.reference import read_reference, read_referenced, write_reference
from flowerops.datasets.rows import read_manifest, read_rows, rows_bytes, write_version
from flowerops.datasets.scan import FoundFile, Scan
from flowerops.domain.dataset import Provenance, Quarantined, RawFile, VersionManifest, count_classes
from flowerops.domain.diff import union
from flowerops.domain.progress import Progress
from flowerops.io.atomic import publish_folder
from flowerops.io.crew import spread
from flowerops.io.hashing import read_checked, sha256_bytes

OBJECTS_DIR = "objects"


@dataclass(frozen=True)
class NewPhotos:
    """A folder to take in, and how.

    scan: what is in it. name: the dataset's. synthetic: whether the images are drawings rather than photographs.
    base: rows of an earlier version that the new one is to contain as well; base_places: where those of its photos lie
    that are not in the store. reference: copy nothing: record the hashes and where the files lie. workers: number of
    processes, None for one a core. decode: how photos are decoded on the way, so that no file is read a second time.
    """

    scan: Scan
    name: str
    synthetic: bool = False
    base: Sequence[RawFile] = ()
    base_places: Mapping[str, Path] = field(default_factory=dict)
    reference: bool = False
    workers: int | None = None
    decode: Decode | None = None


def ingest(new: NewPhotos, home: Path, provenance: Provenance, progress: Progress) -> Path:
    """Copy the scanned files into the store and publish their manifest under its digest.

    The photos may still be on their way to the disk: call `io.atomic.sync_disk` before anything relies on them.

    Args:
        new: What to take in.
        home: Holds `objects/` and `datasets/`.
        provenance: Who does it.
        progress: Told of every file.

    Returns:
        The version's folder. The same content gives the same folder, and nothing is written again.
    """
    rows = read_files(new, progress, None if new.reference else ObjectStore(home / OBJECTS_DIR)).rows
    folder = publish_raw(union(new.base, rows) if new.base else rows, new, home, provenance)
    files = zip(rows, new.scan.files, strict=True) if new.reference else ()
    places = {**new.base_places, **{row.sha256: file.location.absolute() for row, file in files}}
    if places:
        write_reference(folder, places)
    return folder


@dataclass(frozen=True)
class FilesRead:
    """rows: one a file, in the order of the scan. rejected: SHA-256 of contents that are no usable image, and why."""

    rows: list[RawFile]
    rejected: dict[str, str]


def read_files(new: NewPhotos, progress: Progress, store: ObjectStore | None = None) -> FilesRead:
    """Read each new file once: hash it, keep it in the store when there is one, decode it when that is asked for."""
    read = FilesRead([], {})
    job = PhotoJob(UserFiles(), store, new.decode)
    with progress.task("reading photos", len(new.scan.files), "file") as task:
        for found, (sha256, size, rejected) in zip(
            new.scan.files, spread(job, new.scan.files, new.workers), strict=True
        ):
            read.rows.append(RawFile(bytes=size, label=found.label, path=found.path, sha256=sha256))
            if rejected is not None:
                read.rejected[sha256] = rejected
            task.advance()
    return read


def publish_raw(rows: Iterable[RawFile], new: NewPhotos, home: Path, provenance: Provenance) -> Path:
    """Write the manifest of rows whose bytes are in the store already."""
    manifest, data = raw_documents(rows, new.name, new.scan.skipped, provenance=provenance, synthetic=new.synthetic)
    folder = version_folder(home, new.name, manifest.digest)
    if not folder.exists():
        with publish_folder(folder) as temp:
            write_version(temp, manifest, data)
    return folder


def raw_documents(
    rows: Iterable[RawFile], name: str, skipped: list[Quarantined], *, provenance: Provenance, synthetic: bool
) -> tuple[VersionManifest, bytes]:
    """A raw version's manifest and the bytes of its rows.

    Args:
        rows: One a photo, in any order.
        name: The dataset's.
        skipped: What was not taken in.
        provenance: Who does it.
        synthetic: Whether the images are drawings.
    """
    ordered = sorted(rows, key=lambda row: (row.label, row.path))
    data = rows_bytes(ordered)
    manifest = VersionManifest(
        kind="raw",
        name=name,
        digest=sha256_bytes(data),
        files=len(ordered),
        bytes=sum(row.bytes for row in ordered),
        classes=count_classes(row.label for row in ordered),
        skipped=skipped,
        synthetic=synthetic,
        provenance=provenance,
    )
    return manifest, data


def version_folder(home: Path, name: str, digest: str) -> Path:
    """Where a version with this digest lies."""
    return home / "datasets" / name / digest[:16]


class RawVersion:
    """A raw version's rows; its photos are in the store, or where they lay, or in its folder itself."""

    def __init__(self, folder: Path, objects: Path | None = None) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.rows = read_rows(folder, RawFile)
        self.places = read_reference(folder)
        self.photos = StoredPhotos(folder, ObjectStore(objects) if objects else None, self.places)

    def read(self, row: RawFile) -> bytes:
        """A photo's bytes, checked against its hash.

        Raises:
            StoreIntegrityError: They are missing or changed.
        """
        return self.photos.read(row)


@dataclass(frozen=True)
class StoredPhotos:
    """Reads a raw version's photos: from the store, from where they lie, or from the version's folder."""

    folder: Path
    store: ObjectStore | None
    places: Mapping[str, Path]

    def read(self, item: FoundFile | RawFile) -> bytes:
        """See `RawVersion.read`."""
        assert isinstance(item, RawFile)
        place = self.places.get(item.sha256)
        if place is not None and (self.store is None or not self.store.path_of(item.sha256).exists()):
            return read_referenced(place, item.sha256)
        if self.store is not None:
            return self.store.read(item.sha256)
        path = self.folder / item.path
        return read_checked(
            path, item.sha256, str(path), "is not the file the manifest names", "Fetch the version again."
        )
