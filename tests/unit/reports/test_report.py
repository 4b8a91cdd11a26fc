from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from flowerops.domain.comparison import compare
from flowerops.domain.evaluation import SliceScores
from flowerops.domain.gate import Decision, decide
from flowerops.domain.lineage import Lineage
from flowerops.domain.metrics import score
from flowerops.domain.params import GatePolicy
from flowerops.reports.evaluation import render_report, render_summary_markdown
from flowerops.reports.facts import DatasetFacts, ReportFacts, SmallPhoto
from helpers.report_facts import facts

HOSTILE = "<script>alert('x')</script>"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects the elements of a page and complains about tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def find(self, tag, css=None):
        return [at for name, at in self.elements if name == tag and (css is None or css in at.get("class", "").split())]


def words(html: str) -> str:
    return " ".join("".join(Page(html).text).replace("\u00a0", " ").split())


def test_the_page_needs_nothing_from_outside():
    html = render_report(facts())
    page = Page(html)
    assert all(each["src"].startswith("data:image/jpeg;base64,") for each in page.find("img"))
    assert not page.find("link")
    assert not re.search(r"@import|url\(|<iframe|<object", html)
    assert [each["href"] for each in page.find("a")] == ["https://ci.example.org/runs/1"]
    assert all("src" not in each for each in page.find("script"))


def test_only_the_pages_own_script_may_run():
    html = render_report(facts())
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(each["content"] for each in Page(html).find("meta") if "http-equiv" in each)
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_a_class_named_like_a_script_is_only_text():
    hostile = facts(labels=(HOSTILE, '"><img src=x onerror=alert(1)>', "tulips"))
    graph = Lineage()
    graph.link(graph.add("model", HOSTILE), graph.add("run", HOSTILE), HOSTILE)
    hostile = dataclasses.replace(
        hostile,
        title=HOSTILE,
        champion=HOSTILE,
        identity=[(HOSTILE, "javascript:alert(1)")],
        reproduce=[HOSTILE],
        dataset=DatasetFacts(HOSTILE, HOSTILE, {HOSTILE: {HOSTILE: 1}}, [(HOSTILE, HOSTILE)]),
        decision=Decision(outcome="rejected", reasons=[HOSTILE]),
        history={HOSTILE: [1, 2, 3]},
        examples=[dataclasses.replace(each, path=HOSTILE) for each in hostile.examples],
        gallery=[SmallPhoto(HOSTILE, HOSTILE, HOSTILE, 0.5, hostile.examples[0].jpeg)],
        slices=[SliceScores(by="folder", name=HOSTILE, n=1, accuracy=1, ci95=(0, 1), macro_f1=1, weak=True)],
        lineage=graph,
    )
    html = render_report(hostile)
    page = Page(html)
    assert html.count("<script") == 1
    assert not page.find("a")
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert "alert('x')" in "".join(page.text)


def test_the_verdict_comes_first_with_its_reasons():
    decision = Decision(outcome="rejected", reasons=["The recall of roses falls from 91.0 % to 60.0 %."])
    said = words(render_report(facts(decision=decision)))
    assert said.index("Rejected") < said.index("The recall of roses falls") < said.index("Accuracy")


@pytest.mark.parametrize(
    ("outcome", "mood"), [("first", "good"), ("promoted", "good"), ("rejected", "bad"), ("inconclusive", "wait")]
)
def test_each_outcome_has_its_colour_and_a_sign(outcome, mood):
    page = Page(render_report(facts(decision=Decision(outcome=outcome, reasons=["Because."]))))
    assert page.find("section", "verdict")[0]["class"] == f"verdict {mood}"
    assert page.find("svg", "sign")


def test_drawings_are_called_drawings_wherever_they_are_shown():
    drawn = facts(synthetic=True)
    html = render_report(drawn)
    assert Page(html).find("div", "ribbon")
    assert "synthetic sample set" in re.search("<title>(.*?)</title>", html)[1]
    assert "Synthetic sample set" in render_summary_markdown(drawn)
    assert "Synthetic sample set" not in render_report(facts()) + render_summary_markdown(facts())


def test_every_number_of_the_matrix_leads_to_its_photos():
    made = facts()
    page = Page(render_report(made))
    buttons = {(int(at["data-row"]), int(at["data-column"])) for at in page.find("button") if "data-row" in at}
    counted = {
        (row, column)
        for row, counts in enumerate(made.metrics.confusion)
        for column, count in enumerate(counts)
        if count
    }
    assert buttons == counted
    photos = [(int(at["data-row"]), int(at["data-column"])) for at in page.find("figure", "photo")]
    labels = made.metrics.labels
    expected = [(labels.index(each.true), labels.index(each.predicted)) for each in made.examples]
    assert sorted(photos) == sorted(expected)


def test_the_numbers_on_the_page_are_the_metrics():
    made = facts()
    said = words(render_report(made))
    assert f"{100 * made.metrics.accuracy:.1f} %" in said
    assert f"{100 * made.metrics.ci95[0]:.1f} % to {100 * made.metrics.ci95[1]:.1f} %" in said
    assert f"{made.comparison.only_candidate} only the candidate right" in said
    assert "3,600" in said  # training images of all classes
    assert "roses/bad.jpg" in said
    assert "lowest in epoch 2: 0.700" in said


def test_a_first_model_without_photos_history_or_origin_still_has_a_page():
    bare = ReportFacts("m", "now", facts().metrics, DatasetFacts("folder"))
    html = render_report(bare)
    assert not Page(html).find("figure")
    assert "Against the champion" not in html
    assert "How it learned" not in html
    assert render_summary_markdown(bare).startswith("## m\n")


def test_a_champion_with_nothing_in_common_is_not_charted():
    base = facts()
    truth = np.zeros(12, dtype=int)
    strangers = compare(base.metrics.labels, truth, np.eye(3)[truth], ["cat", "dog"], np.eye(2)[truth])
    html = render_report(facts(comparison=strangers, decision=decide(base.metrics, strangers, GatePolicy())))
    assert "Against the champion" not in html
    assert "no image of a shared class" in html


def test_a_perfect_model_has_no_mistakes_to_show():
    truth = np.arange(30) % 3
    perfect = score(["a", "b", "c"], truth, np.eye(3)[truth])
    html = render_report(ReportFacts("m", "now", perfect, DatasetFacts("folder")))
    assert "Every test image was recognised." in html
    assert not Page(html).find("ul", "mistakes")


def test_hundreds_of_classes_are_listed_and_not_drawn_as_a_table():
    html = render_report(facts(labels=tuple(f"species {each}" for each in range(150)), n=900, examples=0))
    page = Page(html)
    assert not page.find("table", "matrix")
    assert len(page.find("button")) > 20
    assert len(html) < 1_000_000


def test_48_thumbnails_stay_under_three_megabytes():
    made = facts(n=60, examples=48)
    html = render_report(made)
    assert len(Page(html).find("img")) == 48
    assert len(html) < 3_000_000


def test_the_summary_is_markdown_that_no_name_can_break():
    hostile = facts(labels=("a|b", "*bold*\n# title", HOSTILE), title="[link](javascript:x) `code`")
    text = render_summary_markdown(hostile)
    assert "<script" not in text
    assert "a\\|b" in text
    assert "\\*bold\\* \\# title" in text
    assert text.startswith("## \\[link\\](javascript:x) \\`code\\`\n")
    tables = [line for line in text.splitlines() if line.startswith("| a")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) in (4, 5, 6) for line in tables)
    assert "\n\n\n" not in text


def test_the_summary_says_outcome_numbers_and_mistakes():
    made = facts(decision=Decision(outcome="promoted", reasons=["Better by 3.0 points."]))
    text = render_summary_markdown(made).replace("\u00a0", " ")
    assert "**Promoted.**" in text
    assert "- Better by 3.0 points." in text
    assert f"| accuracy | {100 * made.metrics.accuracy:.1f} % |" in text
    assert "taken for" in text
