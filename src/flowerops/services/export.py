"""data export: a version out of the store, into a folder of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flowerops.datasets.export import CSV_FILE, Exported, csv_bytes, export_processed, export_raw
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.raw import RawVersion
from flowerops.datasets.rows import read_rows
from flowerops.domain.dataset import ProcessedImage
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.io.new_folder import check_new_folder, new_folder
from flowerops.services.versions import made_from
from flowerops.targets.protocol import DatasetVersion, Target

Format = Literal["folders", "csv"]


@dataclass(frozen=True)
class ExportRequest:
    """dataset: which version. folder: where to, new or empty. format: class folders, or these with `labels.csv`."""

    dataset: Selector
    folder: Path
    format: Format


def plan(target: Target, request: ExportRequest) -> dict[str, Any]:
    """What `export` would do, without doing it."""
    found = target.datasets.find(request.dataset)
    place = check_new_folder(request.folder)
    return _document(found, place, request.format, found.manifest.files)


def export(target: Target, request: ExportRequest, progress: Progress) -> dict[str, Any]:
    """Write a version into a folder, whole or not at all; every photo and image is checked on the way.

    Raises:
        BadInputError: There is no such version, or the folder is not empty.
        StoreIntegrityError: The version is damaged.
    """
    found = target.datasets.find(request.dataset)
    with new_folder(request.folder) as temp:
        if found.manifest.kind == "raw":
            version = RawVersion(target.datasets.open(found), target.datasets.objects())
            lines: list[Exported] = export_raw(version, _known(target, found), temp, progress)
        else:
            lines = export_processed(ProcessedVersion(target.datasets.open(found)), temp, progress)
        if request.format == "csv":
            (temp / CSV_FILE).write_bytes(csv_bytes(lines))
    return _document(found, request.folder.resolve(), request.format, len(lines))


def _known(target: Target, raw: DatasetVersion) -> dict[str, ProcessedImage]:
    """The rows of the newest processed version that was made of these photos."""
    made = made_from(target, raw)
    return {row.sha256: row for row in read_rows(made[0].folder, ProcessedImage)} if made else {}


def _document(found: DatasetVersion, folder: Path, layout: Format, files: int) -> dict[str, Any]:
    manifest = found.manifest
    return {
        "dataset": {**found.ref.model_dump(), "kind": manifest.kind},
        "folder": str(folder),
        "format": layout,
        "files": files,
        "classes": manifest.classes,
        "csv": str(folder / CSV_FILE) if layout == "csv" else None,
    }
