"""drift: are the photos of a folder like those that a model was made for?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.datasets.objects import read_photo
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.scan import FoundFile, Scan, scan_photos
from flowerops.datasets.selected_squares import squares
from flowerops.domain.bundle import BundleInfo
from flowerops.domain.dataset import PROCESSED_SUFFIX, SPLITS, ProcessedImage, Quarantined, Split
from flowerops.domain.deployment import ModelRef
from flowerops.domain.drift import (
    FEWEST,
    ClassShift,
    DriftParams,
    DriftReport,
    EmbeddingTest,
    LabelTest,
    UnlikePhoto,
    judge,
)
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.domain.two_samples import Distances, distances_from, index_test, kernel_test, plane
from flowerops.errors import BadInputError, DriftFoundError, UsageError
from flowerops.images import ImageRejectedError
from flowerops.io.atomic import atomic_write
from flowerops.io.hashing import sha256_bytes
from flowerops.io.parallel import bounded_map
from flowerops.reports.drift import DriftFacts, render_drift
from flowerops.reports.thumbnails import thumbnail
from flowerops.services.evaluate import read_bundle
from flowerops.services.selection import find_model
from flowerops.serving.interpreters import Probabilities
from flowerops.serving.penultimate import FeatureModel, Features
from flowerops.targets.protocol import DatasetVersion, ModelVersion, Target

_UNLIKE = 24
_HELD_OUT: tuple[Split, ...] = ("val", "test")


@dataclass(frozen=True)
class DriftRequest:
    """folder: the new photos. reference: a dataset version, None for the one that the model was trained on.

    page: the HTML file to write, None for none.
    """

    folder: Path
    reference: Selector | None
    model: Selector
    params: DriftParams
    page: Path | None


@dataclass(frozen=True)
class Found:
    """The report, and the page that shows it."""

    report: DriftReport
    page: Path | None
    seconds: float

    def document(self) -> dict[str, Any]:
        """The result's JSON members."""
        page = str(self.page.resolve()) if self.page else None
        return {**self.report.model_dump(mode="json"), "report": page, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class _Looked:
    """Photos that the model has seen: names, hashes, features [n, d] and probabilities [n, classes]."""

    paths: list[str]
    hashes: list[str]
    features: Features
    probabilities: Probabilities

    @property
    def predicted(self) -> list[int]:
        """The index of the most probable label."""
        return [int(index) for index in self.probabilities.argmax(1)]


def drift(target: Target, request: DriftRequest, progress: Progress) -> Found:
    """Compare the photos of a folder with the held-out photos of a reference version, as the model sees them.

    Raises:
        BadInputError: No such folder, model or version, too few photos, or a reference of another geometry.
        UsageError: The page's name is a folder's.
        StoreIntegrityError: Model or reference are damaged.
    """
    if request.page is not None and request.page.is_dir():
        raise UsageError(f"--html {request.page} is a folder", f"Name a file: --html {request.page / 'drift.html'}")
    started = time.perf_counter()
    model = find_model(target, request.model)
    scan = scan_photos(request.folder)
    if len(scan.files) < FEWEST:
        raise _too_few(request.folder, len(scan.files))
    bundle = target.models.open(model)
    version = _reference(target, request.reference, read_bundle(bundle))
    network = FeatureModel(bundle, model.digest)
    rng = np.random.default_rng(request.params.seed)
    known = ProcessedVersion(target.datasets.open(version))
    rows, splits = _drawn_rows(known, request.params.sample, rng)
    reference = _look_at_reference(known, rows, network, progress)
    photos, rejected = _look_at_folder(_drawn(scan.files, request.params.sample, rng), network, progress)
    if len(photos.paths) < FEWEST:
        raise _too_few(request.folder, len(photos.paths))
    measured = _Measured(network.info.labels, reference, photos, request.params)
    report = measured.report(model, version, splits, scan, rejected, {row.sha256 for row in known.rows})
    if request.page is not None:
        atomic_write(request.page, render_drift(_facts(report, measured, known, request.folder, network)))
    return Found(report, request.page, time.perf_counter() - started)


def refuse_drift(report: DriftReport) -> None:
    """Fail when the photos drifted.

    Raises:
        DriftFoundError: They did; the hint says what to do about it.
    """
    if report.outcome == "drift":
        wrong = [reason for reason, bad in zip(report.reasons, _bad(report), strict=True) if bad]
        raise DriftFoundError(
            f"the photos of {report.folder} drifted from {report.reference.name}:{report.reference.version}: "
            f"{wrong[0][0].lower()}{wrong[0][1:]}",
            "Look at them (--html writes a page), label some, then: flowerops train --data-folder DIR --extend",
        )


def _bad(report: DriftReport) -> tuple[bool, bool]:
    return report.embedding.drifted, report.labels.drifted


# --- the two sides ---------------------------------------------------------------------------------------------------


def _reference(target: Target, selector: Selector | None, info: BundleInfo) -> DatasetVersion:
    """The processed version to compare with, of the model's own geometry."""
    if selector is None:
        version = _trained_on(target, info)
    else:
        version = _processed(target, target.datasets.find(selector), info)
    if not _fits(version, info):
        size, fit = version.manifest.params.get("image_size"), version.manifest.params.get("fit")
        wanted = info.geometry
        raise BadInputError(
            f"{version.name}:{version.version} has squares of {size} pixels ({fit}); the model takes {wanted.size} "
            f"({wanted.fit})",
            f"Prepare it for the model: flowerops preprocess --image-size {wanted.size} --fit {wanted.fit}",
        )
    return version


def _trained_on(target: Target, info: BundleInfo) -> DatasetVersion:
    found = (one for one in target.datasets.all(info.processed.name) if one.manifest.digest == info.processed.digest)
    version = next(found, None)
    if version is None:
        raise BadInputError(
            f"the data that the model was trained on, {info.processed.name}, is not here any more",
            "Name another version with --reference NAME:VERSION.",
        )
    return version


def _processed(target: Target, version: DatasetVersion, info: BundleInfo) -> DatasetVersion:
    """The version itself, or what was made of a raw one; of several the one with the model's geometry."""
    if version.manifest.kind == "processed":
        return version
    made = [
        one
        for one in target.datasets.all(version.name + PROCESSED_SUFFIX)
        if version.manifest.digest in {parent.digest for parent in one.manifest.parents}
    ]
    if not made:
        raise BadInputError(
            f"{version.name}:{version.version} has not been preprocessed",
            f"Do it with: flowerops preprocess --dataset {version.name}:{version.version}",
        )
    return next((one for one in made if _fits(one, info)), made[0])


def _fits(version: DatasetVersion, info: BundleInfo) -> bool:
    params = version.manifest.params
    return (params.get("image_size"), params.get("fit")) == (info.geometry.size, info.geometry.fit)


def _drawn_rows(
    version: ProcessedVersion, most: int, rng: np.random.Generator
) -> tuple[list[ProcessedImage], list[Split]]:
    """Photos that the model never learned from, or of all splits where there are too few of them."""
    held_out = [row for row in version.rows if row.split in _HELD_OUT]
    splits = _HELD_OUT if len(held_out) >= FEWEST else SPLITS
    rows = held_out if splits is _HELD_OUT else list(version.rows)
    if len(rows) < FEWEST:
        raise _too_few(version.folder, len(rows))
    return _drawn(sorted(rows, key=lambda row: (row.split, row.sha256)), most, rng), list(splits)


def _drawn(things: Sequence[Any], most: int, rng: np.random.Generator) -> list[Any]:
    """At most so many, in their order."""
    if len(things) <= most:
        return list(things)
    return [things[index] for index in sorted(rng.choice(len(things), most, replace=False).tolist())]


def _look_at_reference(
    version: ProcessedVersion, rows: Sequence[ProcessedImage], network: FeatureModel, progress: Progress
) -> _Looked:
    images = squares(version, {row.sha256 for row in rows})
    seen, kept = [], []
    with progress.task("reference", len(rows), "photo") as task:
        for row, answer in bounded_map(lambda pair: (pair[0], network.look(pair[1])), images, batch=4):
            kept.append(row)
            seen.append(answer)
            task.advance()
    return _Looked(
        [row.path for row in kept],
        [row.sha256 for row in kept],
        np.stack([one.features for one in seen]),
        np.stack([one.probabilities for one in seen]),
    )


def _look_at_folder(
    files: Sequence[FoundFile], network: FeatureModel, progress: Progress
) -> tuple[_Looked, list[Quarantined]]:
    def look(found: FoundFile) -> tuple[str, Any] | Quarantined:
        try:
            data = read_photo(found.location)
            return sha256_bytes(data), network.look(network.prepare(data))
        except BadInputError as error:
            return Quarantined(path=found.path, reason=error.message)
        except ImageRejectedError as error:
            return Quarantined(path=found.path, reason=error.reason)

    paths, hashes, seen, rejected = [], [], [], []
    with progress.task("new photos", len(files), "photo") as task:
        for found, answer in zip(files, bounded_map(look, files, batch=4), strict=True):
            if isinstance(answer, Quarantined):
                rejected.append(answer)
            else:
                paths.append(found.path)
                hashes.append(answer[0])
                seen.append(answer[1])
            task.advance()
    if not seen:
        raise _too_few(files[0].root, 0)
    features, probabilities = (np.stack([one[part] for one in seen]) for part in (0, 1))
    return _Looked(paths, hashes, features, probabilities), rejected


def _too_few(where: Path | str, count: int) -> BadInputError:
    return BadInputError(
        f"{where} has {count} photos that can be compared; drift needs {FEWEST}", "Gather more, then ask again."
    )


# --- what follows from them ------------------------------------------------------------------------------------------


class _Measured:
    """Both tests and all distances, computed once."""

    def __init__(self, labels: Sequence[str], reference: _Looked, photos: _Looked, params: DriftParams) -> None:
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
            model=ModelRef(name=model.name, version=model.version, digest=model.digest),
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


def _confidence(side: _Looked, index: int) -> float | None:
    chosen = side.probabilities[side.probabilities.argmax(1) == index]
    return float(chosen.max(1).mean()) if len(chosen) else None


def _facts(
    report: DriftReport, measured: _Measured, version: ProcessedVersion, folder: Path, network: FeatureModel
) -> DriftFacts:
    """What the page shows: small pictures of the photos farthest off, and of the reference photo nearest to each."""
    near = {photo.nearest for photo in report.unlike}
    wanted = {row.sha256 for row in version.rows if row.path in near}
    nearest = {row.path: thumbnail(pixels) for row, pixels in squares(version, wanted)}
    pictures: dict[str, bytes] = {}
    for photo in report.unlike:
        try:
            pictures[photo.path] = thumbnail(network.prepare(read_photo(folder / photo.path)))
        except (BadInputError, ImageRejectedError):
            continue  # it went away meanwhile; the page names it all the same
    places = plane(measured.reference.features, measured.photos.features)
    return DriftFacts(report, pictures, nearest, *places)
