"""The report in a real browser: it needs no network, complains of nothing, and can be clicked into."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from flowerops.domain.evaluation import Cost
from flowerops.domain.lineage import Lineage
from flowerops.domain.slices import Answer, slice_scores
from flowerops.reports.evaluation import render_report
from flowerops.reports.facts import ReportFacts, SmallPhoto
from flowerops.reports.thumbnails import thumbnail
from helpers.chromium import LOW_CONTRAST, Page, browser
from helpers.report_facts import facts

SHOWN = "[...document.querySelectorAll('.photo')].filter(e => e.offsetParent !== null)"


def full() -> ReportFacts:
    """A report of 400 test photos with everything that a report can have."""
    base = facts(n=400, examples=48)
    labels = base.metrics.labels
    rng = np.random.default_rng(8)
    graph = Lineage()
    graph.link(
        graph.add("model", "bundle 0123456789ab"), graph.add("run", "4f2e5ab25f2f103a0650d36578d94c69"), "made by"
    )
    answers = [Answer("daisy/1.jpg", 50 * (1 + each % 9), 40, "daisy", "daisy") for each in range(40)]
    small = [
        SmallPhoto(
            path=f"{labels[each % 3]}/{each}.jpg",
            true=labels[each % 3],
            predicted=labels[each % 3],
            confidence=0.9,
            jpeg=thumbnail(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8), 84, 72),
        )
        for each in range(352)
    ]
    overlaid = [dataclasses.replace(each, overlay=each.jpeg) for each in base.examples[:4]]
    return dataclasses.replace(
        base,
        examples=[*overlaid, *base.examples[4:]],
        gallery=small,
        slices=slice_scores(answers, side=96),
        cost=Cost(latency_ms=8.1, latency_p95_ms=9.9, images=32, bundle_bytes=31_000_000, model_bytes=13_000_000),
        lineage=graph,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    place = tmp_path_factory.mktemp("report")
    (place / "report.html").write_text(render_report(full()), encoding="utf-8")
    with browser(place) as tab:
        tab.size(1280, 900)
        tab.open((place / "report.html").as_uri())
        yield tab


def test_the_page_of_400_photos_is_below_three_megabytes() -> None:
    assert len(render_report(full()).encode()) < 3_000_000


def test_it_opens_from_disk_without_a_complaint_or_a_request(page: Page) -> None:
    assert page.run("document.querySelector('.verdict h2').innerText")
    assert page.run("[...document.images].every(e => e.complete && e.naturalWidth > 0)")
    assert page.console == []
    assert page.requested == []


def test_a_cell_leads_to_all_its_photos_and_escape_leads_back(page: Page) -> None:
    before = page.run(f"{SHOWN}.length")
    assert before == 48
    page.run("document.querySelector('.matrix button.right').click()")
    expected = page.run('document.querySelectorAll(\'.photo[data-row="0"][data-column="0"]\').length')
    assert page.run(f"{SHOWN}.length") == expected > 100
    assert page.run("document.getElementById('filter-words').innerText").endswith(f"{expected} on this page")
    assert page.run("document.querySelector('.matrix button.right').getAttribute('aria-pressed')") == "true"
    page.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    assert page.run(f"{SHOWN}.length") == before
    assert page.console == []


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_can_be_read_in_both_schemes(page: Page, dark: bool) -> None:
    """WCAG 2's contrast of 4.5 for text on its background, wherever the background is one colour."""
    page.dark(dark)
    page.run(
        "document.querySelectorAll('.matrix .mistake').forEach("
        "(e, i) => e.style.setProperty('--heat', [1, 0.8, 0.6, 0.4][i % 4]))"
    )
    low = page.run(LOW_CONTRAST)
    page.dark(False)
    assert low == []


def test_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.size(390, 800)
    assert page.run("document.documentElement.scrollWidth") <= 390
    page.size(1280, 900)


def test_it_prints(page: Page, tmp_path: Path) -> None:
    page.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
