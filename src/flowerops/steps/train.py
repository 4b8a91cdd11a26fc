"""train: a processed version in, a sealed model bundle out."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.datasets.processed import SAMPLES_DIR, ProcessedVersion, SplitImages
from flowerops.domain.bundle import (
    BUNDLE_FILE,
    GOLDEN_DIR,
    GOLDEN_FILE,
    MODEL_CARD_FILE,
    TFLITE_FILE,
    BundleInfo,
    Geometry,
    GoldenImage,
    GoldenSet,
    VersionRef,
)
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress
from flowerops.domain.steps import OUTPUT_MANIFEST, StepContext, StepManifest
from flowerops.images import DECODER_VERSION, prepare_image
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import seal_folder
from flowerops.io.surroundings import environment_info, now
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.export import export
from flowerops.ml.fit import TrainedModel, Training
from flowerops.ml.fit import train as fit
from flowerops.reports.model_card import render_model_card
from flowerops.serving.interpreters import InterpreterPool
from flowerops.tracking import StepTracker

BUNDLE_DIR = "bundle"
HISTORY_FILE = "history.json"
_PARITY_IMAGES = 8


@dataclass(frozen=True)
class TrainInput:
    """data: a processed version's folder. cache: where features and converted backbones are kept.

    checkpoints: where the training leaves them and goes on from the newest, if they are wanted. They stay when it is
    finished, because its output may still be lost; `fresh` deletes them before it begins.
    """

    data: Path
    cache: Path
    params: TrainParams
    context: StepContext
    checkpoints: Path | None = None
    fresh: bool = False


def train(work: TrainInput, out: Path, progress: Progress, tracker: StepTracker) -> StepManifest:
    """Fit, export, seal; `out` is an empty folder that gets `bundle/`, `history.json` and `manifest.json`.

    Raises:
        BadInputError: The version, the backbone or a parameter cannot be used, or the checkpoints are of another one.
        ConflictError: Another training uses the folder of the checkpoints.
        StoreIntegrityError: The version or every checkpoint is damaged.
    """
    version = ProcessedVersion(work.data)
    geometry = Geometry(size=version.manifest.params["image_size"], fit=version.manifest.params["fit"])
    tracker.params({**work.params.model_dump(), "image_size": geometry.size, "fit": geometry.fit})
    train_images, val_images = version.split("train"), version.split("val")
    place = _checkpoint_place(work, version)
    training = Training(
        train_images, val_images, version.labels, geometry.size, geometry.fit, work.params, work.cache, place
    )
    with place.held(fresh=work.fresh) if place else nullcontext():
        trained = fit(training, progress, lambda epoch, metrics: tracker.metrics(metrics, epoch))
    tracker.params({f"used_{name}": value for name, value in trained.settings.items()})
    bundle = out / BUNDLE_DIR
    bundle.mkdir()
    started = time.perf_counter()
    progress.message("exporting the model")
    export(trained.model, bundle, _first(val_images, _PARITY_IMAGES), trained.flatbuffer)
    seconds = {**trained.seconds, "export": time.perf_counter() - started}
    info = _bundle_info(work, version, geometry, trained)
    _write_golden(version, info, bundle)
    atomic_write(bundle / BUNDLE_FILE, info.to_json())
    atomic_write(bundle / MODEL_CARD_FILE, render_model_card(info, version.manifest.split_classes))
    digest = seal_folder(bundle)
    atomic_write(out / HISTORY_FILE, json.dumps(trained.history, indent=1) + "\n")
    manifest = StepManifest(
        step="train",
        digest=digest,
        params=work.params.model_dump(),
        parents=[ref for ref in (info.raw, info.processed) if ref is not None],
        provenance=work.context.provenance(info.created, info.environment),
        result=_result(version, trained, seconds),
    )
    atomic_write(out / OUTPUT_MANIFEST, manifest.to_json())
    tracker.metrics(trained.metrics)
    for name in (BUNDLE_FILE, MODEL_CARD_FILE):
        tracker.file(bundle / name)
    return manifest


def _checkpoint_place(work: TrainInput, version: ProcessedVersion) -> CheckpointPlace | None:
    if work.checkpoints is None:
        return None
    run = work.context.run.id if work.context.run else None
    return CheckpointPlace(work.checkpoints, run, version.manifest.digest)


def _first(images: SplitImages, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return images.pixels(range(min(count, len(images))))


def _bundle_info(work: TrainInput, version: ProcessedVersion, geometry: Geometry, trained: TrainedModel) -> BundleInfo:
    manifest, context = version.manifest, work.context
    return BundleInfo(
        created=now(),
        labels=version.labels,
        geometry=geometry,
        decoder_version=DECODER_VERSION,
        backbone=trained.backbone,
        raw=context.raw or manifest.parents[0],
        processed=context.processed or VersionRef(name=manifest.name, digest=manifest.digest),
        run=context.run,
        build=context.build,
        code=context.code,
        environment=environment_info(),
        params={**work.params.model_dump(), "epochs": work.params.most_epochs, **trained.settings},
        metrics=trained.metrics,
        synthetic=manifest.synthetic,
    )


def _write_golden(version: ProcessedVersion, info: BundleInfo, bundle: Path) -> None:
    """Copy the version's sample photos and record what the exported model answers for them."""
    pool = InterpreterPool((bundle / TFLITE_FILE).read_bytes(), 1, info.geometry.size)
    (bundle / GOLDEN_DIR).mkdir()
    images = []
    for sample in version.samples():
        source = version.folder / SAMPLES_DIR / sample.file
        shutil.copyfile(source, bundle / GOLDEN_DIR / sample.file)
        prepared = prepare_image(source.read_bytes(), info.geometry.size, info.geometry.fit)
        answer = [float(value) for value in pool.run(prepared.pixels)]
        images.append(GoldenImage(file=sample.file, label=sample.label, sha256=sample.sha256, probabilities=answer))
    atomic_write(bundle / GOLDEN_FILE, GoldenSet(images=images).to_json())


def _result(version: ProcessedVersion, trained: TrainedModel, seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "classes": version.labels,
        "metrics": trained.metrics,
        "backbone": trained.backbone.model_dump(),
        "features": trained.features,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "resumed": trained.resumed,
    }
