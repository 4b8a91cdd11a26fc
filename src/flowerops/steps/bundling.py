"""Write what a training has learnt as a sealed model bundle."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

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
    GoldenImage,
    GoldenSet,
    VersionRef,
)
from flowerops.domain.params import TrainParams
from flowerops.domain.progress import Progress
from flowerops.domain.search import Tuning, with_values
from flowerops.domain.steps import StepContext
from flowerops.images import DECODER_VERSION, prepare_image
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import seal_folder
from flowerops.io.surroundings import environment_info, now
from flowerops.ml.fit import TrainedModel, Training
from flowerops.reports.model_card import render_model_card
from flowerops.serving.interpreters import InterpreterPool
from flowerops.steps.exporting import export_all
from flowerops.steps.tuning import tuning_info


@dataclass(frozen=True)
class Learnt:
    """trained: the model. training: what it learnt from, with the parameters that were used. tuning: their search."""

    trained: TrainedModel
    training: Training
    tuning: Tuning | None


@dataclass(frozen=True)
class Sealed:
    """What a bundle says of itself, and its digest."""

    info: BundleInfo
    digest: str


def write_bundle(
    learnt: Learnt,
    version: ProcessedVersion,
    params: TrainParams,
    context: StepContext,
    bundle: Path,
    progress: Progress,
) -> Sealed:
    """Write the models, what they answer for golden images, what the bundle is, and the seal.

    Args:
        learnt: What goes into it.
        version: What it was learnt from; its sample photos become the golden images.
        params: As they were asked for.
        context: Who trained.
        bundle: The folder; made by this.
        progress: Told of each form of the model.
    """
    bundle.mkdir()
    quantized = export_all(learnt.trained, learnt.training, bundle, progress)
    info = _bundle_info(learnt, version, params, context).model_copy(update={"quantized": quantized})
    _write_golden(version, info, bundle)
    atomic_write(bundle / BUNDLE_FILE, info.to_json())
    atomic_write(bundle / MODEL_CARD_FILE, render_model_card(info, version.manifest.split_classes))
    return Sealed(info, seal_folder(bundle))


def _bundle_info(learnt: Learnt, version: ProcessedVersion, asked: TrainParams, context: StepContext) -> BundleInfo:
    manifest, trained, tuning = version.manifest, learnt.trained, learnt.tuning
    params = with_values(asked, dict(tuning.best.values)) if tuning else asked
    return BundleInfo(
        created=None if asked.deterministic else now(),
        labels=version.labels,
        geometry=version.geometry,
        decoder_version=DECODER_VERSION,
        backbone=trained.backbone,
        raw=context.raw or manifest.parents[0],
        processed=context.processed or VersionRef(name=manifest.name, digest=manifest.digest),
        run=None if asked.deterministic else context.run,
        build=None if asked.deterministic else context.build,
        code=CodeInfo() if asked.deterministic else context.code,
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
