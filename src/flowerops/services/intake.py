"""Take a folder of photos in as a raw version: exactly that folder, or the latest version and that folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowerops.datasets.history import History
from flowerops.datasets.photo_job import Decode
from flowerops.datasets.raw import NewPhotos, RawVersion, read_files
from flowerops.datasets.scan import Scan, scan_folder
from flowerops.datasets.squares import rejected_in
from flowerops.domain.dataset import PROCESSED_SUFFIX, Quarantined, RawFile, count_classes
from flowerops.domain.diff import DatasetDiff, diff, summary, union
from flowerops.domain.names import Selector
from flowerops.domain.params import Mode, PreprocessParams
from flowerops.domain.steps import StepContext
from flowerops.errors import BadInputError, UsageError
from flowerops.samples.marker import is_sample_set
from flowerops.services.pipeline import Caller
from flowerops.steps.intake import refuse_lost_classes
from flowerops.targets.protocol import DatasetVersion, Target


@dataclass(frozen=True)
class Intake:
    """folder: the new photos. dataset: their dataset. params: how they are decoded on the way.

    mode: extend the latest version, or replace it even if classes go; None replaces it unless classes would go.
    reference: leave the photos where they are, and record their hashes.
    """

    folder: Path
    dataset: Selector
    params: PreprocessParams
    mode: Mode | None = None
    reference: bool = False


@dataclass(frozen=True)
class TakenIn:
    """A raw version's folder (it may have no number yet), and what it changes.

    quarantined: files among the new ones that are no usable image.
    """

    folder: Path
    changes: DatasetDiff
    base: DatasetVersion | None
    quarantined: list[Quarantined]

    def plan(self) -> dict[str, Any]:
        """What changes, for JSON: counts, and class names."""
        return _plan(self.changes, self.base, self.quarantined)


def look(target: Target, intake: Intake, caller: Caller) -> dict[str, Any]:
    """What `take_in` would do; files are read, hashed and decoded, nothing is stored."""
    scan, base, before = _scanned(target, intake)
    read = read_files(_new_photos(target, intake, scan, base, before), caller.progress)
    after = union(before, read.rows) if intake.mode == "extend" else read.rows
    changes = diff(before, after)
    quarantined = _rejected(read.rows, read.rejected)
    return {
        "dataset": intake.dataset.name,
        "summary": summary(changes, len(quarantined), len(scan.skipped)),
        "files": len(after),
        "classes": count_classes(row.label for row in after),
        "skipped": [entry.model_dump() for entry in scan.skipped],
        "quarantined": [entry.model_dump() for entry in quarantined],
        "changes": _plan(changes, base, quarantined),
    }


def take_in(target: Target, intake: Intake, caller: Caller, squares: Path | None) -> TakenIn:
    """Read, hash, store and decode each file in one go, and say in one line what changes.

    Args:
        target: Where to.
        intake: What.
        caller: Who asks, and who listens.
        squares: Folder for what was decoded; photos that an earlier version decoded in this way are left out. None
            leaves the decoding to the preprocess step.

    Raises:
        BadInputError: The folder cannot be used, or classes would go without a word from the user.
    """
    scan, base, before = _scanned(target, intake)
    new = _new_photos(target, intake, scan, base, before, squares)
    if squares is None:
        new = replace(new, decode=None)
    folder = target.datasets.take_in(new, StepContext(build=caller.build, code=caller.code), caller.progress)
    rows = RawVersion(folder).rows
    changes = diff(before, rows)
    quarantined = _rejected(rows, rejected_in(squares)) if squares else []
    against = f" against {base}" if base else ""
    caller.progress.message(f"{intake.folder}: {summary(changes, len(quarantined), len(scan.skipped))}{against}")
    return TakenIn(folder, changes, base, quarantined)


def _new_photos(
    target: Target,
    intake: Intake,
    scan: Scan,
    base: DatasetVersion | None,
    before: list[RawFile],
    squares: Path | None = None,
) -> NewPhotos:
    earlier = [found.folder for found in target.datasets.all(intake.dataset.name + PROCESSED_SUFFIX)]
    size, fit = intake.params.image_size, intake.params.fit
    extends = base is not None and intake.mode == "extend"
    return NewPhotos(
        scan,
        intake.dataset.name,
        synthetic=is_sample_set(intake.folder),
        base=before if extends else (),
        base_places=RawVersion(base.folder).places if base and extends else {},
        reference=intake.reference,
        workers=intake.params.workers,
        decode=Decode(size, fit, squares, known=frozenset(History(earlier, size, fit).known())),
    )


def _rejected(rows: Sequence[RawFile], bad: Mapping[str, str]) -> list[Quarantined]:
    return [Quarantined(path=row.path, reason=bad[row.sha256]) for row in rows if row.sha256 in bad]


def _scanned(target: Target, intake: Intake) -> tuple[Scan, DatasetVersion | None, list[RawFile]]:
    if intake.dataset.name.endswith(PROCESSED_SUFFIX):
        raise UsageError(
            f"dataset name {intake.dataset.name!r} is not allowed: {PROCESSED_SUFFIX} marks what preprocess makes",
            f"Write --dataset {intake.dataset.name.removesuffix(PROCESSED_SUFFIX) or 'flowers'}.",
        )
    if intake.dataset.version is not None:
        raise BadInputError(
            f"--dataset {intake.dataset} names a version, but --data-folder makes a new one",
            f"Write --dataset {intake.dataset.name}.",
        )
    known = target.datasets.all(intake.dataset.name)
    base = known[0] if known else None
    scan = scan_folder(intake.folder, min_classes=1 if base and intake.mode == "extend" else 2)
    if base is not None and intake.mode is None:
        refuse_lost_classes(intake.folder, str(base), base.manifest.classes, scan)
    return scan, base, RawVersion(base.folder).rows if base else []


def _plan(changes: DatasetDiff, base: DatasetVersion | None, quarantined: list[Quarantined]) -> dict[str, Any]:
    return {
        "base": str(base) if base else None,
        "added": len(changes.added),
        "removed": len(changes.removed),
        "relabelled": len(changes.relabelled),
        "moved": len(changes.moved),
        "duplicates": len(changes.duplicates),
        "conflicts": len(changes.conflicts),
        "quarantined": len(quarantined),
        "classes_added": changes.classes_added,
        "classes_removed": changes.classes_removed,
    }
