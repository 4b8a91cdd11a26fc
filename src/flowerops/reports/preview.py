"""The preview of a dataset version: one HTML page with its hygiene and a contact sheet of every class."""

from __future__ import annotations

from dataclasses import dataclass

from flowerops.domain.dataset import SPLITS, Split
from flowerops.domain.hygiene import Hygiene
from flowerops.domain.hygiene_words import warnings_by_finding
from flowerops.reports.pages import data_uri, part, render_html
from flowerops.reports.preview_facts import PreviewFacts
from flowerops.reports.preview_findings import findings

_SECTION_OF = {"few_train": "counts", "few_test": "counts", "imbalance": "counts"}
"""Warnings that are not about single photos point to the counts."""


@dataclass(frozen=True)
class ClassRow:
    """A class's images by split; bars: percent of the largest class."""

    label: str
    anchor: str
    counts: list[tuple[Split, int]]
    total: int
    bars: list[tuple[Split, float]]


def render_preview(facts: PreviewFacts) -> str:
    """Render the preview as one HTML page.

    Style and photos are inside, there is no script, and its content security policy forbids the page any network.
    Everything in `facts` is escaped.
    """
    hygiene = facts.hygiene
    found = findings(hygiene, facts.photos)
    anchors = {finding.anchor for finding in found} | {"counts"}
    rows = class_rows(hygiene)
    return render_html(
        "preview.html.j2",
        facts=facts,
        hygiene=hygiene,
        warnings=[
            (sentence, anchor if (anchor := _SECTION_OF.get(about, about)) in anchors else None)
            for about, sentence in warnings_by_finding(hygiene).items()
        ],
        findings=found,
        splits=SPLITS,
        rows=rows,
        totals=[(split, sum(hygiene.split_classes[split].values())) for split in SPLITS],
        not_used=hygiene.quarantined.count + hygiene.duplicates.files - hygiene.duplicates.count,
        data_uri=data_uri,
        style=part("report.css") + part("preview.css"),
    )


def class_rows(hygiene: Hygiene) -> list[ClassRow]:
    """The classes in the order of their names, with bars relative to the largest."""
    largest = max(hygiene.classes.values(), default=0) or 1
    rows = []
    for index, (label, total) in enumerate(hygiene.classes.items()):
        counts = [(split, hygiene.split_classes[split][label]) for split in SPLITS]
        bars = [(split, round(100 * count / largest, 3)) for split, count in counts]
        rows.append(ClassRow(label, f"class-{index}", counts, total, bars))
    return rows
