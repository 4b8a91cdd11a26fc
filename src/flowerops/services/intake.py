"""Take a folder of photos in as a raw version: exactly that folder, or the latest version and that folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flowerops.datasets.raw import RawVersion, hash_files
from flowerops.datasets.scan import Scan, scan_folder
from flowerops.domain.dataset import PROCESSED_SUFFIX, RawFile
from flowerops.domain.diff import DatasetDiff, diff, summary, union
from flowerops.domain.names import Selector
from flowerops.domain.steps import StepContext
from flowerops.errors import BadInputError, UsageError
from flowerops.samples.marker import is_sample_set
from flowerops.services.pipeline import Caller
from flowerops.targets.protocol import DatasetVersion, Target

Mode = Literal["extend", "replace"]


@dataclass(frozen=True)
class Intake:
    """folder: the new photos. dataset: their dataset. mode: extend the latest version, or replace it even if classes
    go; None replaces it unless classes would go. reference: leave the photos where they are, and record their hashes.
    """

    folder: Path
    dataset: Selector
    mode: Mode | None
    reference: bool = False


@dataclass(frozen=True)
class TakenIn:
    """A raw version's folder (it may have no number yet), and what it changes."""

    folder: Path
    changes: DatasetDiff
    base: DatasetVersion | None

    def plan(self) -> dict[str, Any]:
        """What changes, for JSON: counts, and class names."""
        return _plan(self.changes, self.base)


def look(target: Target, intake: Intake, caller: Caller) -> dict[str, Any]:
    """What `take_in` would do; files are read and hashed, nothing is stored."""
    scan, base, before = _scanned(target, intake)
    rows = hash_files(scan, caller.progress)
    after = union(before, rows) if intake.mode == "extend" else rows
    changes = diff(before, after)
    classes = sorted({row.label for row in after})
    return {
        "dataset": intake.dataset.name,
        "summary": summary(changes, len(scan.skipped)),
        "files": len(after),
        "classes": {label: sum(row.label == label for row in after) for label in classes},
        "skipped": [entry.model_dump() for entry in scan.skipped],
        "changes": _plan(changes, base),
    }


def take_in(target: Target, intake: Intake, caller: Caller) -> TakenIn:
    """Store the photos and say in one line what changes.

    Raises:
        BadInputError: The folder cannot be used, or classes would go without a word from the user.
    """
    scan, base, before = _scanned(target, intake)
    context = StepContext(build=caller.build, code=caller.code)
    kept = before if intake.mode == "extend" else []
    synthetic = is_sample_set(intake.folder)
    folder = target.datasets.take_in(
        scan,
        intake.dataset.name,
        context,
        caller.progress,
        synthetic,
        base=kept,
        base_places=RawVersion(base.folder).places if base and kept else None,
        reference=intake.reference,
    )
    changes = diff(before, RawVersion(folder).rows)
    against = f" against {base.name}:{base.version}" if base else ""
    caller.progress.message(f"{intake.folder}: {summary(changes, len(scan.skipped))}{against}")
    return TakenIn(folder, changes, base)


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
        _refuse_lost_classes(intake, base, set(scan.classes()))
    return scan, base, RawVersion(base.folder).rows if base else []


def _refuse_lost_classes(intake: Intake, base: DatasetVersion, found: set[str]) -> None:
    lost = sorted(set(base.manifest.classes) - found)
    if lost:
        named = f"{base.name}:{base.version}"
        raise BadInputError(
            f"{intake.folder} lacks {len(lost)} class{'es' * (len(lost) > 1)} that {named} has: {', '.join(lost)}",
            f"--extend adds the folder to {named}; --replace makes a version of exactly this folder.",
            {"classes_removed": lost},
        )


def _plan(changes: DatasetDiff, base: DatasetVersion | None) -> dict[str, Any]:
    return {
        "base": f"{base.name}:{base.version}" if base else None,
        "added": len(changes.added),
        "removed": len(changes.removed),
        "relabelled": len(changes.relabelled),
        "moved": len(changes.moved),
        "duplicates": len(changes.duplicates),
        "conflicts": len(changes.conflicts),
        "classes_added": changes.classes_added,
        "classes_removed": changes.classes_removed,
    }
