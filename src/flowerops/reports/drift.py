"""The drift page: the verdict, both tests, the classes, where the photos lie, and those farthest from the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flowerops.domain.drift import ClassShift, DriftReport, UnlikePhoto
from flowerops.reports.pages import data_uri, part, render_html

_SIDE = 480
_MARGIN = 12
_MOST_DOTS = 600
Places = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DriftFacts:
    """report: what was found. pictures: small JPEGs of the report's unlike photos by path; nearest: of the reference
    photos that they name. reference_places, places: both sides on a plane, [n, 2] (see `two_samples.plane`)."""

    report: DriftReport
    pictures: Mapping[str, bytes]
    nearest: Mapping[str, bytes]
    reference_places: Places
    places: Places


@dataclass(frozen=True)
class Dot:
    """A photo on the plane, in SVG units."""

    x: float
    y: float


@dataclass(frozen=True)
class ShiftRow:
    """A class's line; bars are percent of the largest share of any class."""

    shift: ClassShift
    reference_bar: float
    bar: float


@dataclass(frozen=True)
class UnlikeCard:
    """A photo and the reference photo nearest to it; sources are addresses for `img`, None without a picture."""

    photo: UnlikePhoto
    source: str | None
    nearest: str | None


def render_drift(facts: DriftFacts) -> str:
    """Render the page: one HTML file, no script; its content security policy forbids it any network."""
    report = facts.report
    before, now = _placed(facts.reference_places, facts.places)
    return render_html(
        "drift.html.j2",
        report=report,
        rows=shift_rows(report),
        cards=[
            UnlikeCard(photo, _source(facts.pictures, photo.path), _source(facts.nearest, photo.nearest))
            for photo in report.unlike
        ],
        side=_SIDE,
        before=before,
        now=now,
        style=part("report.css") + part("drift.css"),
    )


def shift_rows(report: DriftReport) -> list[ShiftRow]:
    """The classes, the one with the largest part of the index first."""
    largest = max(max(one.share, one.reference_share) for one in report.classes) or 1.0
    ordered = sorted(report.classes, key=lambda one: (-one.psi, one.label))
    return [ShiftRow(one, 100 * one.reference_share / largest, 100 * one.share / largest) for one in ordered]


def _placed(reference: Places, photos: Places) -> tuple[list[Dot], list[Dot]]:
    """Both sides in the square of the chart, on one scale; of many photos every n-th."""
    pooled = np.concatenate([reference, photos])
    lowest, span = pooled.min(0), np.ptp(pooled, 0).max() or 1.0

    def dots(side: Places) -> list[Dot]:
        scaled = _MARGIN + (side - lowest) / span * (_SIDE - 2 * _MARGIN)
        return [Dot(round(float(x), 1), round(float(_SIDE - y), 1)) for x, y in scaled[:: -(-len(side) // _MOST_DOTS)]]

    return dots(reference), dots(photos)


def _source(pictures: Mapping[str, bytes], path: str) -> str | None:
    return data_uri(pictures[path]) if path in pictures else None
