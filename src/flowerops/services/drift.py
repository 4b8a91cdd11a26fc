"""drift: are the photos of a folder like those that a model was made for?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowerops.datasets.objects import read_photo
from flowerops.datasets.processed import ProcessedVersion
from flowerops.datasets.scan import scan_photos
from flowerops.datasets.selected_squares import squares
from flowerops.domain.drift import FEWEST, DriftParams, DriftReport
from flowerops.domain.names import Selector
from flowerops.domain.progress import Progress
from flowerops.domain.two_samples import plane
from flowerops.errors import BadInputError, DriftFoundError, UsageError
from flowerops.images import ImageRejectedError
from flowerops.io.atomic import atomic_write
from flowerops.reports.drift import DriftFacts, render_drift
from flowerops.reports.thumbnails import thumbnail
from flowerops.services.bundles import read_bundle
from flowerops.services.drift_looks import drawn, drawn_rows, look_at_folder, look_at_reference, too_few
from flowerops.services.drift_measures import Measured
from flowerops.services.drift_reference import reference_version
from flowerops.services.selection import find_model
from flowerops.serving.penultimate import FeatureModel
from flowerops.targets.protocol import Target


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
        raise too_few(request.folder, len(scan.files))
    bundle = target.models.open(model)
    version = reference_version(target, request.reference, read_bundle(bundle))
    network = FeatureModel(bundle, model.digest)
    rng = np.random.default_rng(request.params.seed)
    known = ProcessedVersion(target.datasets.open(version))
    rows, splits = drawn_rows(known, request.params.sample, rng)
    reference = look_at_reference(known, rows, network, progress)
    photos, rejected = look_at_folder(drawn(scan.files, request.params.sample, rng), network, progress)
    if len(photos.paths) < FEWEST:
        raise too_few(request.folder, len(photos.paths))
    measured = Measured(network.info.labels, reference, photos, request.params)
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


def _facts(
    report: DriftReport, measured: Measured, version: ProcessedVersion, folder: Path, network: FeatureModel
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
