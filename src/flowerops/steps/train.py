"""train: a processed version in, a sealed model bundle out."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.processed import SAMPLES_DIR, ProcessedVersion
from flowerops.domain.build import CodeInfo
from flowerops.domain.bundle import (
    BUNDLE_FILE,
    GOLDEN_DIR,
    GOLDEN_FILE,
    INT8_FILE,
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
from flowerops.domain.reproduction import digest_of_model
from flowerops.domain.search import Tuning, with_values
from flowerops.domain.steps import OUTPUT_MANIFEST, StepContext, StepManifest
from flowerops.domain.workers import ALONE, Worker
from flowerops.images import DECODER_VERSION, prepare_image
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import seal_folder, sealed_files
from flowerops.io.surroundings import environment_info, now
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.event_log import TENSORBOARD_DIR
from flowerops.ml.fit import TrainedModel, Training
from flowerops.ml.fit import train as fit
from flowerops.reports.model_card import render_model_card
from flowerops.serving.interpreters import InterpreterPool
from flowerops.steps.exporting import export_all
from flowerops.steps.metering import MeteredImages, MeteredProgress, cost
from flowerops.steps.observing import Watchers
from flowerops.steps.tuning import tuned, tuning_info, tuning_result
from flowerops.tracking import StepTracker

BUNDLE_DIR = "bundle"
HISTORY_FILE = "history.json"


@dataclass(frozen=True)
class TrainInput:
    """data: a processed version's folder. cache: where features and converted backbones are kept.

    checkpoints: where the training leaves them and goes on from the newest, if they are wanted. They stay when it is
    finished, because its output may still be lost; `fresh` deletes them before it begins. worker: this process's place
    among those that train together, of which the first one runs `train` and the others `train_along`.
    """

    data: Path
    cache: Path
    params: TrainParams
    context: StepContext
    checkpoints: Path | None = None
    fresh: bool = False
    worker: Worker = ALONE


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
    train_images, val_images = MeteredImages(version.split("train")), MeteredImages(version.split("val"))
    place = _checkpoint_place(work, version)
    training = Training(
        train_images,
        val_images,
        version.labels,
        geometry.size,
        geometry.fit,
        work.params,
        work.cache,
        place,
        work.worker,
    )
    metered = MeteredProgress(progress, len(train_images.keys))
    watchers = Watchers(out, tracker, progress, tensorboard=work.params.tensorboard)
    began = time.perf_counter()
    with place.held(fresh=work.fresh) if place else nullcontext(), tuned(training, out, progress, tracker) as found:
        chosen, search = found
        searching = {"tuning": time.perf_counter() - began} if search else {}
        trained = fit(chosen, metered, watchers.epoch)
    tracker.params({f"used_{name}": value for name, value in trained.settings.items()})
    tuning = search.tuning if search else None
    began = time.perf_counter()
    sealed = _seal(_bundle_info(work, version, geometry, trained, tuning), trained, chosen, version, out, progress)
    seconds = {
        **searching,
        **trained.seconds,
        "export": time.perf_counter() - began,
        "decode": train_images.seconds + val_images.seconds,
    }
    figures = cost(trained, metered.images_per_second)
    result = {
        **_result(version, trained, seconds),
        "model_digest": digest_of_model(sealed.info, sealed_files(out / BUNDLE_DIR)),
        "features": (search.features if search else None) or trained.features,
        "cost": figures,
        "quantized": sealed.info.quantized.model_dump() if sealed.info.quantized else None,
        "tuning": tuning_result(tuning),
        "tensorboard": TENSORBOARD_DIR if work.params.tensorboard else None,
    }
    manifest = _write_manifest(work, sealed, result, trained.history, out)
    # The plain names are the epochs' own; the last epoch is mostly not the best one.
    best = {f"best_{name}" if name in trained.history else name: value for name, value in trained.metrics.items()}
    timed = {f"seconds_{name}": value for name, value in seconds.items()}
    watchers.ended(trained.history, {**best, **figures, **timed})
    for name in (BUNDLE_FILE, MODEL_CARD_FILE):
        tracker.file(out / BUNDLE_DIR / name)
    return manifest


@dataclass(frozen=True)
class _Sealed:
    """What a bundle says of itself, and its digest."""

    info: BundleInfo
    digest: str


def _seal(
    info: BundleInfo, trained: TrainedModel, chosen: Training, version: ProcessedVersion, out: Path, progress: Progress
) -> _Sealed:
    """Write the bundle: the models, what they answer for golden images, what it is, and the seal."""
    bundle = out / BUNDLE_DIR
    bundle.mkdir()
    info = info.model_copy(update={"quantized": export_all(trained, chosen, bundle, progress)})
    _write_golden(version, info, bundle)
    atomic_write(bundle / BUNDLE_FILE, info.to_json())
    atomic_write(bundle / MODEL_CARD_FILE, render_model_card(info, version.manifest.split_classes))
    return _Sealed(info, seal_folder(bundle))


def _write_manifest(
    work: TrainInput, sealed: _Sealed, result: dict[str, Any], history: dict[str, list[float]], out: Path
) -> StepManifest:
    atomic_write(out / HISTORY_FILE, json.dumps(history, indent=1) + "\n")
    manifest = StepManifest(
        step="train",
        digest=sealed.digest,
        params=work.params.model_dump(),
        parents=[ref for ref in (sealed.info.raw, sealed.info.processed) if ref is not None],
        provenance=work.context.provenance(now(), sealed.info.environment),
        result=result,
    )
    atomic_write(out / OUTPUT_MANIFEST, manifest.to_json())
    return manifest


def _checkpoint_place(work: TrainInput, version: ProcessedVersion) -> CheckpointPlace | None:
    if work.checkpoints is None:
        return None
    run = work.context.run.id if work.context.run else None
    return CheckpointPlace(work.checkpoints, run, version.manifest.digest)


def _bundle_info(
    work: TrainInput, version: ProcessedVersion, geometry: Geometry, trained: TrainedModel, tuning: Tuning | None
) -> BundleInfo:
    manifest, context = version.manifest, work.context
    params = with_values(work.params, dict(tuning.best.values)) if tuning else work.params
    return BundleInfo(
        created=None if work.params.deterministic else now(),
        labels=version.labels,
        geometry=geometry,
        decoder_version=DECODER_VERSION,
        backbone=trained.backbone,
        raw=context.raw or manifest.parents[0],
        processed=context.processed or VersionRef(name=manifest.name, digest=manifest.digest),
        run=None if work.params.deterministic else context.run,
        build=None if work.params.deterministic else context.build,
        code=CodeInfo() if work.params.deterministic else context.code,
        environment=environment_info(),
        requested=params.model_dump(mode="json", exclude_none=True),
        params={**params.model_dump(), "epochs": params.most_epochs, **trained.settings},
        metrics=trained.metrics,
        synthetic=manifest.synthetic,
        tuning=tuning_info(tuning),
    )


def _write_golden(version: ProcessedVersion, info: BundleInfo, bundle: Path) -> None:
    """Copy the version's sample photos and record what the exported models answer for them."""
    pool = InterpreterPool((bundle / TFLITE_FILE).read_bytes(), 1, info.geometry.size)
    kept = bool(info.quantized and info.quantized.kept)
    int8 = InterpreterPool((bundle / INT8_FILE).read_bytes(), 1, info.geometry.size) if kept else None
    (bundle / GOLDEN_DIR).mkdir()
    images = []
    for sample in version.samples():
        source = version.folder / SAMPLES_DIR / sample.file
        shutil.copyfile(source, bundle / GOLDEN_DIR / sample.file)
        prepared = prepare_image(source.read_bytes(), info.geometry.size, info.geometry.fit)
        images.append(
            GoldenImage(
                file=sample.file,
                label=sample.label,
                sha256=sample.sha256,
                probabilities=pool.run(prepared.pixels).tolist(),
                quantized=int8.run(prepared.pixels).tolist() if int8 else None,
            )
        )
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
