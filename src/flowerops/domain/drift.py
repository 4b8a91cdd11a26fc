"""Whether new photos are like those of a reference: the facts, and the decision."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from flowerops.domain.bundle import VersionRef
from flowerops.domain.dataset import Quarantined
from flowerops.domain.deployment import ModelRef
from flowerops.domain.documents import Document

FEWEST = 20
"""Photos on each side; with fewer no test could find anything."""


class DriftParams(Document):
    """When photos count as drifted.

    p_value: chance of calling drift where there is none; each of the two tests gets half of it. psi: population
    stability index of the predicted classes from which a significant change of them counts. sample: at most so many
    photos of each side, drawn at random. permutations: random splits of each test. seed: of all of it.
    """

    p_value: float = Field(0.01, gt=0, lt=1)
    psi: float = Field(0.25, ge=0)
    sample: int = Field(1000, ge=FEWEST, le=5000)
    permutations: int = Field(1999, ge=99, le=100_000)
    seed: int = Field(42, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _can_find_any(self) -> Self:
        fewest = math.ceil(2 / self.p_value) - 1
        if self.permutations < fewest:
            raise ValueError(f"with p_value {self.p_value:g} at least {fewest:,} permutations are needed")
        return self


class ClassShift(Document):
    """A predicted class: photos, share of all photos (0..1), mean confidence on each side, and its part of the PSI."""

    label: str
    reference: int
    photos: int
    reference_share: float
    share: float
    psi: float
    reference_confidence: float | None
    confidence: float | None


class EmbeddingTest(Document):
    """The kernel two-sample test on the features, see `two_samples.kernel_test`. features: their number."""

    mmd2: float
    p_value: float
    scale: float
    features: int
    drifted: bool


class LabelTest(Document):
    """The permutation test on the predicted classes, see `two_samples.index_test`."""

    psi: float
    p_value: float
    drifted: bool


class UnlikePhoto(Document):
    """A photo that is far from the reference. unusual: the share of reference photos that are less so (0..1)."""

    path: str
    sha256: str
    predicted: str
    confidence: float
    distance: float
    unusual: float
    nearest: str


Outcome = Literal["drift", "no drift"]


class DriftReport(Document):
    """`drift` in JSON. splits: of the reference version, whose photos were compared. known: photos of the folder that
    the reference version has byte for byte."""

    schema_version: int = 1
    outcome: Outcome
    reasons: list[str]
    model: ModelRef
    reference: VersionRef
    splits: list[str]
    folder: str
    files: int
    compared: int
    reference_compared: int
    known: int
    params: DriftParams
    embedding: EmbeddingTest
    labels: LabelTest
    classes: list[ClassShift]
    unlike: list[UnlikePhoto]
    rejected: list[Quarantined]
    skipped: list[Quarantined]
    synthetic: bool = False


def judge(embedding_p: float, psi: float, labels_p: float, params: DriftParams) -> tuple[bool, bool, list[str]]:
    """Decide from the two tests.

    Each gets half of the allowed chance of a false alarm (Bonferroni), so that both together keep to it. The classes
    must have changed much, too, because a test on many photos finds changes that nobody needs to act on.

    Args:
        embedding_p: p of the features' test.
        psi: Index of the predicted classes.
        labels_p: p of that index.
        params: The thresholds.

    Returns:
        Whether the features drifted, whether the classes did, and both in words.
    """
    half = params.p_value / 2
    features = embedding_p <= half
    classes = labels_p <= half and psi >= params.psi
    sign = "at most" if features else "above"
    said = "differ from" if features else "are like"
    reasons = [f"The photos' features {said} the reference's: p = {embedding_p:.2g}, {sign} {half:.2g}."]
    if classes:
        why = f"PSI {psi:.2f}, at least {params.psi:g}, with p = {labels_p:.2g}"
        reasons.append(f"The predicted classes are distributed otherwise: {why}.")
    elif psi >= params.psi:
        reasons.append(f"The predicted classes may differ by chance: PSI {psi:.2f}, but p = {labels_p:.2g}.")
    else:
        reasons.append(f"The predicted classes are distributed alike: PSI {psi:.2f}, below {params.psi:g}.")
    return features, classes, reasons
