"""preprocess: a folder or a raw version in, a numbered processed version out."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.raw import RawVersion
from flowerops.datasets.recipe import decisive, recipe_of
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import PROCESSED_SUFFIX, VersionManifest
from flowerops.domain.names import Selector
from flowerops.domain.params import Mode, PreprocessParams
from flowerops.io.discard import discard
from flowerops.services.hygiene import warnings_of
from flowerops.services.intake import Intake, look, take_in
from flowerops.services.pipeline import Caller, Pipeline
from flowerops.targets.protocol import DatasetVersion, Target

EXPERIMENT_SUFFIX = "-preprocessing"
OpenPipeline = Callable[[], AbstractContextManager[Pipeline]]


@dataclass(frozen=True)
class PreprocessRequest:
    """folder: new photos, or None to take a version that is there. dataset: which one, or the name of the new one.

    mode: what becomes of the latest version's photos when there are new ones; reference: whether these stay where they
    are; see `services.intake.Intake`.
    """

    folder: Path | None
    dataset: Selector
    params: PreprocessParams
    mode: Mode | None = None
    reference: bool = False


@dataclass(frozen=True)
class Prepared:
    """A raw version and what was made of it; `reused` when nothing had to be computed.

    reason: why the step ran or did not. changes: what new photos changed, as counts.
    """

    raw: DatasetVersion
    processed: DatasetVersion
    reused: bool
    seconds: float
    reason: str = "prepared before"
    changes: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        manifest = self.processed.manifest
        quarantined = [*self.raw.manifest.skipped, *manifest.quarantined]
        return {
            "raw": _version_document(self.raw),
            "processed": {
                **_version_document(self.processed),
                "splits": manifest.splits,
                "split_classes": manifest.split_classes,
            },
            "quarantined": [entry.model_dump() for entry in manifest.quarantined],
            "skipped": [entry.model_dump() for entry in self.raw.manifest.skipped],
            "duplicates": [entry.model_dump() for entry in manifest.duplicates],
            "decoded": 0 if self.reused else manifest.decoded,
            "carried_over": manifest.files if self.reused else manifest.carried_over,
            "reused": self.reused,
            "reason": self.reason,
            "changes": self.changes,
            "synthetic": manifest.synthetic,
            "warnings": warnings_of(self.processed),
            "unused": len(quarantined),
            "seconds": round(self.seconds, 3),
        }


def _version_document(version: DatasetVersion) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "name": version.name,
        "version": version.version,
        "digest": manifest.digest,
        "files": manifest.files,
        "classes": manifest.classes,
    }


def plan(target: Target, request: PreprocessRequest, caller: Caller) -> dict[str, Any]:
    """What `preprocess` would do, without doing it: JSON members `dataset`, `summary`, `files`, `classes` …"""
    if request.folder is not None:
        return look(target, _intake(request, request.folder), caller)
    raw = target.datasets.find(request.dataset)
    reason, _ = _why(target, RawVersion(raw.folder).manifest, request.params)
    named = str(raw)
    return {"dataset": named, "summary": reason, "files": raw.manifest.files, "classes": raw.manifest.classes}


def preprocess(target: Target, request: PreprocessRequest, caller: Caller, open_pipeline: OpenPipeline) -> Prepared:
    """Take photos in, and decode, resize and divide them unless that has been done before.

    The raw version gets its number only when its processed version is complete, so a failure changes nothing.

    Raises:
        BadInputError: The folder or its photos cannot be used, or the dataset is unknown.
    """
    started = time.perf_counter()
    with target.storage.workspace() as temp:
        taken, squares = None, None
        if request.folder is not None:
            squares = temp / "squares" if target.datasets.keeps_squares() else None
            taken = take_in(target, _intake(request, request.folder), caller, squares)
        folder = taken.folder if taken else target.datasets.find(request.dataset).folder
        changes = taken.plan() if taken else None
        raw = RawVersion(folder).manifest
        reason, done = _why(target, raw, request.params)
        if done is not None:
            numbered = target.datasets.number(folder)
            return Prepared(numbered, done, True, time.perf_counter() - started, reason, changes)
        with open_pipeline() as pipeline:
            output = pipeline.step(
                "preprocess",
                request.params,
                pipeline.context(raw=VersionRef(name=raw.name, digest=raw.digest)),
                {
                    "raw": folder,
                    "objects": target.datasets.objects(),
                    "squares": squares,
                    "earlier": [found.folder for found in target.datasets.all(raw.name + PROCESSED_SUFFIX)],
                },
                {"recipe": recipe_of(raw, request.params)},
            )
            if squares is not None:
                discard(squares)  # before the photos are flushed to the disk, and these with them
            numbered = target.datasets.number(folder)
            processed = target.datasets.number(output.folder)
            pipeline.tag({"dataset_id": str(numbered)})
    return Prepared(numbered, processed, False, time.perf_counter() - started, reason, changes)


def _intake(request: PreprocessRequest, folder: Path) -> Intake:
    return Intake(folder, request.dataset, request.params, request.mode, request.reference)


def _why(target: Target, raw: VersionManifest, params: PreprocessParams) -> tuple[str, DatasetVersion | None]:
    """Why the step runs or not, by the first input that differs, and the version that makes it unnecessary."""
    recipe = recipe_of(raw, params)
    known = target.datasets.all(raw.name + PROCESSED_SUFFIX)
    for found in known:
        if found.manifest.recipe == recipe:
            return f"{found} was made of the same photos in the same way", found
    if not known:
        return "nothing was prepared before", None
    last = known[0]
    named = str(last)
    if last.manifest.parents[0].digest != raw.digest:
        return f"the photos are not those of {named}", None
    for name, value in decisive(params).items():
        before = last.manifest.params.get(name)
        if before != value:
            return f"{name} is {value}, in {named} it was {before}", None
    return f"the way to decode or to split is not that of {named}", None
