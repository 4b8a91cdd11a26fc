"""train: a dataset version in, a sealed model bundle out."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowerops.datasets.recipe import decisive
from flowerops.domain.dataset import PROCESSED_SUFFIX
from flowerops.domain.detached import RunDetachedError
from flowerops.domain.names import Selector, did_you_mean
from flowerops.domain.params import Mode, PreprocessParams, TrainParams
from flowerops.domain.search import planned_search
from flowerops.domain.steps import BUNDLE_DIR, OUTPUT_MANIFEST, StepManifest
from flowerops.errors import BadInputError
from flowerops.services.pipeline import Caller, Pipeline
from flowerops.services.preprocess import Prepared, PreprocessRequest, preprocess
from flowerops.services.preprocess import plan as plan_preprocess
from flowerops.services.versions import made_from, with_digest
from flowerops.targets.protocol import DatasetVersion, StepOutput, Target

TRAINED = "trained"
"""Tag of pipeline runs that have a candidate; those that failed or were interrupted before lack it."""


@dataclass(frozen=True)
class TrainRequest:
    """folder: new photos that become a dataset version first, or None. dataset: which version, or the latest.

    preprocessing: parameters for new photos; None takes what was prepared before, or the defaults. fresh: forget what
    interrupted trainings on the same data have left, and begin anew.
    """

    folder: Path | None
    dataset: Selector
    params: TrainParams
    preprocessing: PreprocessParams | None
    mode: Mode | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Trained:
    """A trained candidate."""

    run_id: str
    experiment: str
    raw: DatasetVersion
    processed: DatasetVersion
    bundle: Path
    manifest: StepManifest
    seconds: float

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        result = self.manifest.result
        return {
            "run_id": self.run_id,
            "experiment": self.experiment,
            "dataset": self.raw.ref.model_dump(),
            "processed": self.processed.ref.model_dump(),
            "classes": result["classes"],
            "metrics": result["metrics"],
            "backbone": result["backbone"],
            "bundle": {
                "path": str(self.bundle),
                "digest": self.manifest.digest,
                "model_digest": result.get("model_digest"),
            },
            "features": result["features"],
            "resumed": result.get("resumed"),
            "seconds": {**result["seconds"], "total": round(self.seconds, 3)},
            "cost": result.get("cost", {}),
            "quantized": result.get("quantized"),
            "tuning": result.get("tuning"),
            "tensorboard": self._tensorboard(result),
            "synthetic": self.processed.manifest.synthetic,
        }

    def _tensorboard(self, result: dict[str, Any]) -> str | None:
        name = result.get("tensorboard")
        return str(self.bundle.parent / name) if name else None


def resolve(pipeline: Pipeline, request: TrainRequest) -> Prepared:
    """Fix the dataset version before anything runs: new photos, the version named, or the latest one."""
    target = pipeline.target
    if request.folder is None:
        prepared = _prepared_before(target, request)
        if prepared is not None:
            return prepared
    return preprocess(target, _preprocessing(request), pipeline.caller, lambda: nullcontext(pipeline))


def _preprocessing(request: TrainRequest) -> PreprocessRequest:
    params = request.preprocessing or PreprocessParams()
    return PreprocessRequest(request.folder, request.dataset, params, request.mode)


def check(target: Target, request: TrainRequest) -> None:
    """Refuse an unknown dataset before a run is begun."""
    if request.folder is None:
        target.datasets.find(request.dataset)


def _prepared_before(target: Target, request: TrainRequest) -> Prepared | None:
    if request.dataset.name.endswith(PROCESSED_SUFFIX):
        processed = target.datasets.find(request.dataset)
        return Prepared(_raw_of(target, processed), processed, True, 0.0)
    raw = target.datasets.find(request.dataset)
    fitting = (one for one in made_from(target, raw) if _fits(one, request.preprocessing))
    newest = next(fitting, None)
    return Prepared(raw, newest, True, 0.0) if newest else None


def _fits(processed: DatasetVersion, wanted: PreprocessParams | None) -> bool:
    if wanted is None:
        return True
    wished = decisive(wanted)
    return {key: processed.manifest.params.get(key) for key in wished} == wished


def _raw_of(target: Target, processed: DatasetVersion) -> DatasetVersion:
    parent = processed.manifest.parents[0]
    raw = with_digest(target, parent.name, parent.digest)
    if raw is not None:
        return raw
    raise BadInputError(
        f"the photos of {processed} are not here ({parent.name} {parent.digest[:12]})",
        did_you_mean(parent.name, {found.name for found in target.datasets.all()}),
    )


def train(pipeline: Pipeline, prepared: Prepared, params: TrainParams, *, fresh: bool = False) -> Trained:
    """Train a candidate on a prepared version, as a step of a pipeline run.

    It goes on from where an interrupted training of the same was, unless `fresh`.

    Raises:
        BadInputError: The data or a parameter cannot be used, or a training on this data was interrupted that had other
            parameters.
    """
    raw, processed = prepared.raw, prepared.processed
    pipeline.tag({"dataset_id": str(raw), "processed_id": str(processed)})
    started = time.perf_counter()
    try:
        output = pipeline.step(
            "train",
            params,
            pipeline.context(raw.ref, processed.ref),
            {"data": processed.folder, "cache": pipeline.target.runs.cache()},
            checkpoints="fresh" if fresh else "resume",
        )
    except RunDetachedError as detached:  # nobody will be there to say it later
        pipeline.target.runs.tag(detached.run_id, {TRAINED: "true"})
        raise
    pipeline.tag({TRAINED: "true"})
    return trained_from(pipeline, prepared, output, time.perf_counter() - started)


def trained_from(pipeline: Pipeline, prepared: Prepared, output: StepOutput, seconds: float) -> Trained:
    """What a train step left behind."""
    file = output.folder / OUTPUT_MANIFEST
    manifest = StepManifest.from_json(file.read_bytes(), str(file))
    bundle = output.folder / BUNDLE_DIR
    run = (pipeline.run_id, pipeline.experiment)
    return Trained(*run, prepared.raw, prepared.processed, bundle, manifest, seconds)


def plan(target: Target, request: TrainRequest, caller: Caller) -> dict[str, Any]:
    """What `train` would do, without doing it."""
    params = {"params": request.params.model_dump(), **planned_search(request.params)}
    if request.folder is not None:
        return {**plan_preprocess(target, _preprocessing(request), caller), **params}
    raw = target.datasets.find(request.dataset)
    return {"dataset": str(raw), "summary": "no new photos", **params}
