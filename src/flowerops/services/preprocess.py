"""preprocess: a folder or a raw version in, a numbered processed version out."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.raw import RawVersion
from flowerops.datasets.scan import Scan, scan_folder
from flowerops.datasets.split import SPLITTER_VERSION
from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import PROCESSED_SUFFIX, VersionManifest
from flowerops.domain.documents import digest_of
from flowerops.domain.names import Selector
from flowerops.domain.params import PreprocessParams
from flowerops.domain.steps import StepContext
from flowerops.errors import BadInputError
from flowerops.images import DECODER_VERSION
from flowerops.samples.marker import is_sample_set
from flowerops.services.pipeline import Caller, Pipeline
from flowerops.targets.protocol import DatasetVersion, Target

EXPERIMENT_SUFFIX = "-preprocessing"
OpenPipeline = Callable[[], AbstractContextManager[Pipeline]]


@dataclass(frozen=True)
class PreprocessRequest:
    """folder: new photos, or None to take a version that is there. dataset: which one, or the name of the new one."""

    folder: Path | None
    dataset: Selector
    params: PreprocessParams


@dataclass(frozen=True)
class Prepared:
    """A raw version and what was made of it; `reused` when nothing had to be computed."""

    raw: DatasetVersion
    processed: DatasetVersion
    reused: bool
    seconds: float

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
            "synthetic": manifest.synthetic,
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


def plan(target: Target, request: PreprocessRequest) -> dict[str, Any]:
    """What `preprocess` would do, without doing it: JSON members `dataset`, `files`, `classes`, `skipped`, `latest`."""
    known = target.datasets.all(request.dataset.name)
    latest = {"version": known[0].version, "files": known[0].manifest.files} if known else None
    if request.folder is None:
        raw = target.datasets.find(request.dataset)
        return {"dataset": str(request.dataset), "files": raw.manifest.files, "classes": raw.manifest.classes}
    scan = scan_folder(request.folder)
    return {
        "dataset": request.dataset.name,
        "files": len(scan.files),
        "classes": scan.classes(),
        "skipped": [entry.model_dump() for entry in scan.skipped],
        "latest": latest,
    }


def preprocess(target: Target, request: PreprocessRequest, caller: Caller, open_pipeline: OpenPipeline) -> Prepared:
    """Take photos in, and decode, resize and divide them unless that has been done before.

    The raw version gets its number only when its processed version is complete, so a failure changes nothing.

    Raises:
        BadInputError: The folder or its photos cannot be used, or the dataset is unknown.
    """
    started = time.perf_counter()
    folder = _raw_folder(target, request, caller)
    raw = RawVersion(folder).manifest
    recipe = _recipe(raw, request.params)
    done = [found for found in target.datasets.all(raw.name + PROCESSED_SUFFIX) if found.manifest.recipe == recipe]
    if done:
        return Prepared(target.datasets.number(folder), done[0], True, time.perf_counter() - started)
    with open_pipeline() as pipeline:
        output = pipeline.step(
            "preprocess",
            request.params,
            pipeline.context(raw=VersionRef(name=raw.name, digest=raw.digest)),
            {
                "raw": folder,
                "objects": target.datasets.objects(),
                "earlier": [found.folder for found in reversed(target.datasets.all(raw.name + PROCESSED_SUFFIX))],
            },
            {"recipe": recipe},
        )
        numbered = target.datasets.number(folder)
        processed = target.datasets.number(output.folder)
        pipeline.tag({"dataset_id": f"{numbered.name}:{numbered.version}"})
    return Prepared(numbered, processed, False, time.perf_counter() - started)


def _raw_folder(target: Target, request: PreprocessRequest, caller: Caller) -> Path:
    if request.folder is None:
        return target.datasets.find(request.dataset).folder
    if request.dataset.version is not None:
        raise BadInputError(
            f"--dataset {request.dataset} names a version, but --data-folder makes a new one",
            f"Write --dataset {request.dataset.name}.",
        )
    scan = scan_folder(request.folder)
    caller.progress.message(_announcement(request.folder, scan))
    context = StepContext(build=caller.build, code=caller.code)
    return target.datasets.take_in(scan, request.dataset.name, context, caller.progress, is_sample_set(request.folder))


def _announcement(folder: Path, scan: Scan) -> str:
    skipped = f", {len(scan.skipped)} skipped" if scan.skipped else ""
    return f"{folder}: {len(scan.files):,} files in {len(scan.classes())} classes{skipped}"


def _recipe(raw: VersionManifest, params: PreprocessParams) -> str:
    decisive = params.model_dump(exclude={"workers", "max_bad"})
    return digest_of({"raw": raw.digest, "params": decisive, "decoder": DECODER_VERSION, "splitter": SPLITTER_VERSION})
