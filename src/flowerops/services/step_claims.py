"""What a step's output says of itself, against what it holds and what the model says that came of it."""

from __future__ import annotations

from collections.abc import Iterator

from flowerops.datasets.verify import file_digest
from flowerops.domain.bundle import BundleInfo
from flowerops.domain.steps import BUNDLE_DIR, OUTPUT_MANIFEST, StepManifest
from flowerops.domain.verdict import EVALUATION_FILE
from flowerops.domain.verification import Problem
from flowerops.io.hashing import SEAL_FILE
from flowerops.services.candidates import read_evaluation
from flowerops.targets.protocol import ModelVersion, StepOutput


def false_claims(
    step: str, output: StepOutput, manifest: StepManifest, model: ModelVersion, info: BundleInfo | None
) -> Iterator[Problem]:
    """What is not so. step: train or evaluate. info: the model's bundle, where it can be read."""
    of = f"{step} step"
    file = output.folder / (f"{BUNDLE_DIR}/{SEAL_FILE}" if step == "train" else EVALUATION_FILE)
    got = file_digest(file)
    if got != manifest.digest:
        yield Problem(path=str(file), expected=manifest.digest, got=got, of=of)
    elif step == "train" and got != model.digest:
        yield Problem(path=str(file), expected=model.digest, got=got, of=f"{of}, whose bundle is not the model's")
    elif step == "evaluate" and (scored := read_evaluation(output).candidate_digest) != model.digest:
        yield Problem(path=str(file), expected=model.digest, got=scored, of=f"{of}, which scored another bundle")
    parents = {parent.name: parent.digest for parent in manifest.parents}
    if info is not None and parents.get(info.processed.name, info.processed.digest) != info.processed.digest:
        path, other = str(output.folder / OUTPUT_MANIFEST), parents[info.processed.name]
        yield Problem(path=path, expected=info.processed.digest, got=other, of=f"{of}, which read other data")
