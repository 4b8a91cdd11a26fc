"""intake: a folder of photos in, a raw version with its photos out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowerops.datasets.objects import read_photo
from flowerops.datasets.raw import RawVersion, raw_documents
from flowerops.datasets.rows import write_version
from flowerops.datasets.scan import FoundFile, Scan, scan_folder
from flowerops.domain.dataset import Provenance, RawFile, VersionManifest
from flowerops.domain.diff import diff, summary, union
from flowerops.domain.params import Mode
from flowerops.domain.progress import Progress
from flowerops.errors import BadInputError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes
from flowerops.io.parallel import bounded_map
from flowerops.samples.marker import is_sample_set


@dataclass(frozen=True)
class IntakeInput:
    """photos: a folder with one sub-folder a class. name: the dataset's. base: the folder of the version before.

    mode: extend the base, or replace it even if classes go; None replaces it unless classes would go.
    """

    photos: Path
    name: str
    base: Path | None
    mode: Mode | None
    provenance: Provenance


def intake(work: IntakeInput, out: Path, progress: Progress) -> VersionManifest:
    """Read, hash and copy every photo; `out` gets them at their paths, with the manifest beside.

    Raises:
        BadInputError: The folder cannot be used, or classes would go without a word from the user.
    """
    base = RawVersion(work.base) if work.base else None
    extends = base is not None and work.mode == "extend"
    scan = scan_folder(work.photos, min_classes=1 if extends else 2)
    if base is not None and work.mode is None:
        refuse_lost_classes(work.photos, f"the last version of {work.name}", base.manifest.classes, scan)
    new = _read(scan, progress)
    before = base.rows if base else []
    rows = union(before, new) if extends else new
    _copy(rows, {row.sha256: found for row, found in zip(new, scan.files, strict=True)}, base, out, progress)
    manifest, data = raw_documents(
        rows, work.name, scan.skipped, provenance=work.provenance, synthetic=is_sample_set(work.photos)
    )
    write_version(out, manifest, data)
    progress.message(f"{work.photos}: {summary(diff(before, rows), 0, len(scan.skipped))}")
    return manifest


def refuse_lost_classes(folder: Path, named: str, before: Mapping[str, int], scan: Scan) -> None:
    """Refuse a folder that lacks classes of the version it would replace.

    Raises:
        BadInputError: It does.
    """
    lost = sorted(set(before) - set(scan.classes()))
    if lost:
        raise BadInputError(
            f"{folder} lacks {len(lost)} class{'es' * (len(lost) > 1)} that {named} has: {', '.join(lost)}",
            f"--extend adds the folder to {named}; --replace makes a version of exactly this folder.",
            {"classes_removed": lost},
        )


def _read(scan: Scan, progress: Progress) -> list[RawFile]:
    def row(found: FoundFile) -> RawFile:
        data = read_photo(found.location)
        return RawFile(bytes=len(data), label=found.label, path=found.path, sha256=sha256_bytes(data))

    rows = []
    with progress.task("reading photos", len(scan.files), "file") as task:
        for found in bounded_map(row, scan.files):
            rows.append(found)
            task.advance()
    return rows


def _copy(
    rows: Sequence[RawFile], new: Mapping[str, FoundFile], base: RawVersion | None, out: Path, progress: Progress
) -> None:
    """Put every photo at its path; what is copied is hashed once more, in case it changed since it was read."""

    def copy(row: RawFile) -> None:
        place = out / row.path
        place.parent.mkdir(parents=True, exist_ok=True)
        if row.sha256 in new:
            data = read_photo(new[row.sha256].location)
            if sha256_bytes(data) != row.sha256:
                raise BadInputError(f"{new[row.sha256].location} changed while it was read", "Run it again.")
        else:
            assert base is not None  # a row is either new or of the base
            data = base.read(row)
        atomic_write(place, data, durable=False)

    with progress.task("copying photos", len(rows), "file") as task:
        for _ in bounded_map(copy, rows):
            task.advance()
