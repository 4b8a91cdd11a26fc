"""reproduce: train a registered model again from its lineage, and say whether it is the same one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.domain.bundle import GOLDEN_FILE, BundleInfo, GoldenSet, VersionRef
from flowerops.domain.names import Selector
from flowerops.domain.params import TrainParams
from flowerops.domain.reproduction import (
    TOLERANCE,
    Cause,
    Reproduction,
    TestComparison,
    compare_golden,
    differences,
    differing,
    digest_of_model,
    judge,
)
from flowerops.domain.steps import BUNDLE_DIR
from flowerops.errors import BadInputError, FlowerOpsError, NotReproducedError
from flowerops.io.hashing import sealed_files, verify_seal
from flowerops.io.surroundings import environment_info
from flowerops.services.bundles import read_bundle
from flowerops.services.lineage import origin_of
from flowerops.services.pipeline import Caller, begin
from flowerops.services.selection import find_model
from flowerops.services.versions import with_digest
from flowerops.serving.scorer import Scorer
from flowerops.steps.testsets import TestSet, from_version
from flowerops.targets.protocol import DatasetVersion, ModelVersion, Target

EXPERIMENT = "reproduction"
"""Of all such runs, on every target: nobody takes one for the training that it repeats."""

_BATCH = 64


@dataclass(frozen=True)
class _Recipe:
    """What a model was made from: its bundle's facts, and the data and parameters to train with again."""

    model: ModelVersion
    info: BundleInfo
    raw: VersionRef | None
    processed: DatasetVersion
    params: TrainParams

    def document(self) -> dict[str, Any]:
        model = self.model.ref.model_dump()
        return {"model": model, "dataset": self.processed.ref.model_dump(), "params": self.params.model_dump()}


@dataclass(frozen=True)
class Reproduced:
    """A model that was trained again: the run that did it, its bundle, and how the two compare."""

    recipe: _Recipe
    run_id: str
    bundle: Path
    digest: str
    found: Reproduction
    seconds: float

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        return {
            **self.recipe.document(),
            "run_id": self.run_id,
            "bundle": {"path": str(self.bundle), "digest": self.digest},
            **self.found.model_dump(mode="json"),
            "seconds": round(self.seconds, 3),
        }


def plan(target: Target, selector: Selector) -> dict[str, Any]:
    """What `reproduce` would train, and what is known to be different before it does. The machine is this one.

    Raises:
        BadInputError: As `reproduce` does.
    """
    recipe = _recipe(target, selector)
    causes = differing(recipe.info.environment, environment_info())
    return {**recipe.document(), "causes": [cause.model_dump() for cause in causes]}


def reproduce(target: Target, selector: Selector, caller: Caller, tolerance: float = TOLERANCE) -> Reproduced:
    """Train a model again with its data and parameters, in a run of its own, and compare; nothing is registered.

    Raises:
        BadInputError: There is no such model, or its data is gone.
        StoreIntegrityError: The model or its data is not what it was.
    """
    started = time.perf_counter()
    recipe = _recipe(target, selector)
    original = target.models.open(recipe.model)
    verify_seal(original, recipe.model.digest)
    with begin(target, caller, EXPERIMENT, "reproduce") as pipeline:
        output = pipeline.step(
            "train",
            recipe.params,
            pipeline.context(recipe.raw, recipe.processed.ref),
            {"data": recipe.processed.folder, "cache": target.runs.cache()},
            checkpoints="none",
        )
        bundle = output.folder / BUNDLE_DIR
        digest = verify_seal(bundle)
        found = _compare(target, recipe, (original, bundle), caller, tolerance)
        pipeline.tag({"reproduces": str(recipe.model), "verdict": found.verdict})
    return Reproduced(recipe, pipeline.run_id, bundle, digest, found, time.perf_counter() - started)


def refuse_difference(made: Reproduced) -> None:
    """Fail when the models differ.

    Raises:
        NotReproducedError: With the result's members in its details.
    """
    if made.found.verdict == "different":
        model = made.recipe.model
        causes = [
            f"{cause.what}: {cause.then or 'nothing'} then, {cause.now or 'nothing'} now" for cause in made.found.causes
        ]
        why = "; ".join(causes[:3]) or "nothing that was recorded differs"
        raise NotReproducedError(f"{model} came out different; {why}", _hint(made.found), made.document())


def _hint(found: Reproduction) -> str:
    if found.causes:
        return "Reproduce it where all of this is as it was, or allow more with --tolerance."
    return "Train with --deterministic, and with the same --threads, where every bit matters."


def _recipe(target: Target, selector: Selector) -> _Recipe:
    model = find_model(target, selector)
    info = read_bundle(model.bundle)
    given = info.requested or info.params
    params = TrainParams.model_validate({name: given[name] for name in TrainParams.model_fields if name in given})
    return _Recipe(model, info, info.raw, _data(target, model, info), params)


def _data(target: Target, model: ModelVersion, info: BundleInfo) -> DatasetVersion:
    """The processed version by its digest, whatever its name and number are now."""
    ref = info.processed
    found = with_digest(target, ref.name, ref.digest) or with_digest(target, None, ref.digest)
    if found is not None:
        return found
    raw = info.raw
    if raw and with_digest(target, raw.name, raw.digest):
        size, fit = info.geometry.size, info.geometry.fit
        hint = f"Make it again: flowerops preprocess --dataset {raw.name}:{raw.version} --image-size {size} --fit {fit}"
    else:
        hint = (
            f"Its photos{f' ({raw.name} {raw.digest[:12]})' if raw else ''} are not here either: bring them back first."
        )
    raise BadInputError(
        f"the data of {model} is gone: {ref.name}:{ref.version or ''} ({ref.digest[:12]})",
        hint,
        {"missing": ref.model_dump()},
    )


def _compare(
    target: Target, recipe: _Recipe, bundles: tuple[Path, Path], caller: Caller, tolerance: float
) -> Reproduction:
    then, now = (read_bundle(bundle) for bundle in bundles)
    digests = tuple(digest_of_model(read_bundle(bundle), sealed_files(bundle)) for bundle in bundles)
    causes = differences(then, now, (origin_of(recipe.model, then)[1], caller.code))
    try:
        test = _on_test_split(target, recipe, bundles)
    except FlowerOpsError as error:  # what was trained once may not load here any more; the golden answers remain
        test, causes = None, [*causes, Cause(what="test split", then=None, now=error.message)]
    golden = compare_golden(*(_golden(bundle) for bundle in bundles))
    return judge((digests[0], digests[1]), golden, test, causes, tolerance)


def _golden(bundle: Path) -> GoldenSet:
    return GoldenSet.from_json((bundle / GOLDEN_FILE).read_bytes(), GOLDEN_FILE)


def _on_test_split(target: Target, recipe: _Recipe, bundles: tuple[Path, Path]) -> TestComparison:
    scorers = [Scorer.load(bundle) for bundle in bundles]
    test = from_version(target.datasets.open(recipe.processed), None, recipe.info.labels)
    old, new = (_scores(scorer, test) for scorer in scorers)
    truth = test.truth
    return TestComparison(
        images=len(test),
        max_difference=float(np.abs(old - new).max()),
        changed=int((old.argmax(axis=1) != new.argmax(axis=1)).sum()),
        accuracy_then=float((old.argmax(axis=1) == truth).mean()),
        accuracy_now=float((new.argmax(axis=1) == truth).mean()),
    )


def _scores(scorer: Scorer, test: TestSet) -> Any:
    starts = range(0, len(test), _BATCH)
    chunks = [range(start, min(start + _BATCH, len(test))) for start in starts]
    return np.concatenate([scorer.score_pixels(test.pixels(chunk, scorer.info.geometry)) for chunk in chunks])
