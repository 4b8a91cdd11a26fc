"""train: a processed version in, a sealed model bundle out."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.processed import ProcessedVersion
from flowerops.domain.bundle import BUNDLE_FILE, MODEL_CARD_FILE, BundleInfo
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress
from flowerops.domain.reproduction import digest_of_model
from flowerops.domain.steps import BUNDLE_DIR, HISTORY_FILE, OUTPUT_MANIFEST, StepContext, StepManifest
from flowerops.domain.workers import ALONE, Worker
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sealed_files
from flowerops.io.surroundings import now
from flowerops.ml.checkpoint_place import CheckpointPlace
from flowerops.ml.event_log import TENSORBOARD_DIR
from flowerops.ml.fit import TrainedModel, Training
from flowerops.ml.fit import train as fit
from flowerops.ml.source import ImageSource
from flowerops.steps.bundling import Learnt, Sealed, write_bundle
from flowerops.steps.metering import MeteredImages, MeteredProgress, cost
from flowerops.steps.observing import Watchers
from flowerops.steps.tuning import tuned, tuning_result
from flowerops.tracking import StepTracker


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
    geometry = version.geometry
    tracker.params({**work.params.model_dump(), "image_size": geometry.size, "fit": geometry.fit})
    images = MeteredImages(version.split("train")), MeteredImages(version.split("val"))
    training = training_of(work, version, *images, _checkpoint_place(work, version))
    watchers = Watchers(out, tracker, progress, tensorboard=work.params.tensorboard)
    phase = _learn(training, work, out, progress, tracker, watchers)
    trained = phase.learnt.trained
    tracker.params({f"used_{name}": value for name, value in trained.settings.items()})
    began = time.perf_counter()
    sealed = write_bundle(phase.learnt, version, work.params, work.context, out / BUNDLE_DIR, progress)
    exported = {"export": time.perf_counter() - began, "decode": sum(source.seconds for source in images)}
    seconds = {**phase.seconds, **trained.seconds, **exported}
    figures = cost(trained, phase.images_per_second)
    digest = digest_of_model(sealed.info, sealed_files(out / BUNDLE_DIR))
    result = _result(phase, sealed.info, digest, seconds, figures)
    manifest = _write_manifest(work, sealed, result, trained.history, out)
    watchers.ended(trained.history, {**_figures(trained, seconds), **figures})
    for name in (BUNDLE_FILE, MODEL_CARD_FILE):
        tracker.file(out / BUNDLE_DIR / name)
    return manifest


def training_of(
    work: TrainInput,
    version: ProcessedVersion,
    train_images: ImageSource,
    val_images: ImageSource,
    place: CheckpointPlace | None = None,
) -> Training:
    """What to train on, and how.

    Args:
        work: The step's input.
        version: The opened version.
        train_images, val_images: Its splits.
        place: Where the checkpoints go, if this process keeps them.
    """
    return Training(
        train_images,
        val_images,
        version.labels,
        version.geometry.size,
        version.geometry.fit,
        work.params,
        work.cache,
        place,
        work.worker,
    )


@dataclass(frozen=True)
class _Phase:
    """What the search and the training gave.

    seconds: of the search, where there was one. features: images computed and cached. images_per_second: of the fit.
    """

    learnt: Learnt
    seconds: dict[str, float]
    features: dict[str, int]
    images_per_second: float | None


def _learn(
    training: Training, work: TrainInput, out: Path, progress: Progress, tracker: StepTracker, watchers: Watchers
) -> _Phase:
    place, began = training.checkpoints, time.perf_counter()
    metered = MeteredProgress(progress, len(training.train.keys))
    with place.held(fresh=work.fresh) if place else nullcontext(), tuned(training, out, progress, tracker) as found:
        chosen, search = found
        seconds = {"tuning": time.perf_counter() - began} if search else {}
        trained = fit(chosen, metered, watchers.epoch)
    features = (search.features if search else None) or trained.features
    learnt = Learnt(trained, chosen, search.tuning if search else None)
    return _Phase(learnt, seconds, features, metered.images_per_second)


def _checkpoint_place(work: TrainInput, version: ProcessedVersion) -> CheckpointPlace | None:
    if work.checkpoints is None:
        return None
    run = work.context.run.id if work.context.run else None
    return CheckpointPlace(work.checkpoints, run, version.manifest.digest)


def _result(
    phase: _Phase, info: BundleInfo, digest: str, seconds: dict[str, float], figures: dict[str, float]
) -> dict[str, Any]:
    """The step's facts for its caller."""
    trained = phase.learnt.trained
    return {
        "classes": info.labels,
        "metrics": trained.metrics,
        "backbone": trained.backbone.model_dump(),
        "features": phase.features,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "resumed": trained.resumed,
        "model_digest": digest,
        "cost": figures,
        "quantized": info.quantized.model_dump() if info.quantized else None,
        "tuning": tuning_result(phase.learnt.tuning),
        "tensorboard": TENSORBOARD_DIR if phase.learnt.training.params.tensorboard else None,
    }


def _figures(trained: TrainedModel, seconds: dict[str, float]) -> dict[str, float]:
    """For the run. The plain names are the epochs' own; the last epoch is mostly not the best one."""
    best = {f"best_{name}" if name in trained.history else name: value for name, value in trained.metrics.items()}
    return {**best, **{f"seconds_{name}": value for name, value in seconds.items()}}


def _write_manifest(
    work: TrainInput, sealed: Sealed, result: dict[str, Any], history: dict[str, list[float]], out: Path
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
