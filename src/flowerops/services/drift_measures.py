"""What follows from two sets of photos that a model has seen: both tests, all distances, and the report of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowerops.datasets.scan import Scan
from flowerops.domain.dataset import Quarantined, Split
from flowerops.domain.drift import (
    ClassShift,
    DriftParams,
    DriftReport,
    EmbeddingTest,
    LabelTest,
    UnlikePhoto,
    judge,
)
from flowerops.domain.two_samples import Distances, distances_from, index_test, kernel_test
from flowerops.services.drift_looks import Looked
from flowerops.targets.protocol import DatasetVersion, ModelVersion

_UNLIKE = 24
"""So many of the photos farthest off are named."""


class Measured:
    """Both tests and all distances, computed once."""

    def __init__(self, labels: Sequence[str], reference: Looked, photos: Looked, params: DriftParams) -> None:
        self.labels = labels
        self.reference = reference
        self.photos = photos
        self._params = params
        self._features = kernel_test(reference.features, photos.features, params.permutations, params.seed)
        self._counts = tuple(
            np.bincount(side.predicted, minlength=len(labels)).tolist() for side in (reference, photos)
        )
        self._classes = index_test(self._counts[0], self._counts[1], params.permutations, params.seed)
        self.distances: Distances = distances_from(reference.features, photos.features)

    def report(
        self,
        model: ModelVersion,
        version: DatasetVersion,
        splits: list[Split],
        scan: Scan,
        rejected: list[Quarantined],
        known: set[str],
    ) -> DriftReport:
        """Everything for people and programs."""
        params, width = self._params, self.photos.features.shape[1]
        far, shifted, reasons = judge(self._features.p_value, self._classes.psi, self._classes.p_value, params)
        embedding = EmbeddingTest(**self._features._asdict(), features=width, drifted=far)
        labels = LabelTest(psi=self._classes.psi, p_value=self._classes.p_value, drifted=shifted)
        return DriftReport(
            outcome="drift" if far or shifted else "no drift",
            reasons=reasons,
            model=model.ref,
            reference=version.ref,
            splits=list(splits),
            folder=str(scan.root),
            files=len(scan.files),
            compared=len(self.photos.paths),
            reference_compared=len(self.reference.paths),
            known=sum(sha256 in known for sha256 in self.photos.hashes),
            params=params,
            embedding=embedding,
            labels=labels,
            classes=self._shifts(),
            unlike=self._unlike(),
            rejected=rejected,
            skipped=scan.skipped,
            synthetic=version.manifest.synthetic,
        )

    def _shifts(self) -> list[ClassShift]:
        first, second = self._counts
        return [
            ClassShift(
                label=label,
                reference=first[index],
                photos=second[index],
                reference_share=first[index] / sum(first),
                share=second[index] / sum(second),
                psi=self._classes.parts[index],
                reference_confidence=_confidence(self.reference, index),
                confidence=_confidence(self.photos, index),
            )
            for index, label in enumerate(self.labels)
        ]

    def _unlike(self) -> list[UnlikePhoto]:
        photos, found = self.photos, self.distances
        order = np.argsort(-found.distance, kind="stable")[:_UNLIKE]
        return [
            UnlikePhoto(
                path=photos.paths[place],
                sha256=photos.hashes[place],
                predicted=self.labels[photos.predicted[place]],
                confidence=float(photos.probabilities[place].max()),
                distance=float(found.distance[place]),
                unusual=float(found.unusual[place]),
                nearest=self.reference.paths[int(found.nearest[place])],
            )
            for place in order.tolist()
        ]


def _confidence(side: Looked, index: int) -> float | None:
    chosen = side.probabilities[side.probabilities.argmax(1) == index]
    return float(chosen.max(1).mean()) if len(chosen) else None
