from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.dataset import SPLITS, ProcessedImage, Provenance, Quarantined, VersionManifest
from flowerops.domain.hygiene import Hygiene
from flowerops.domain.hygiene_findings import examine
from flowerops.domain.hygiene_words import warnings_about
from flowerops.reports.preview import class_rows, render_preview
from flowerops.reports.preview_facts import PreviewFacts, PreviewPhoto
from flowerops.reports.preview_findings import SHOWN_GROUPS, SHOWN_IN_GROUP, wanted_files, wanted_photos
from flowerops.reports.thumbnails import thumbnail

HOSTILE = "<script>alert('x')</script>"
VOID = {"meta", "img", "br", "input"}
PROVENANCE = Provenance(created="2024-05-01T12:00:00+00:00", build=BuildInfo(kind="laptop", id="x"), code=CodeInfo())


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
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def find(self, tag, css=None):
        return [at for name, at in self.elements if name == tag and (css is None or css in at.get("class", "").split())]

    def words(self):
        return " ".join("".join(self.text).split())


def rows_of(labels=("daisy", "roses"), each=10) -> list[ProcessedImage]:
    return [
        ProcessedImage(
            dhash="0" * 16,
            height=300,
            label=label,
            mean_rgb="808080",
            path=f"{label}/{number}.jpg",
            pixels_sha256="0" * 64,
            sha256=f"{place:032x}{number:032x}",
            split=SPLITS[number % 3],
            width=400,
        )
        for place, label in enumerate(labels)
        for number in range(3 * each)
    ]


def examined(rows, twins=(), quarantined=(), duplicates=()) -> Hygiene:
    manifest = VersionManifest(
        kind="processed",
        name="flowers_processed",
        digest="0" * 64,
        files=len(rows),
        bytes=1,
        classes={},
        params={"image_size": 224, "fit": "pad"},
        provenance=PROVENANCE,
        quarantined=list(quarantined),
        duplicates=list(duplicates),
    )
    return examine(rows, manifest, None, twins)


def photo_of(row: ProcessedImage) -> PreviewPhoto:
    pixels = np.random.default_rng(int(row.sha256[-4:], 16)).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return PreviewPhoto(row.path, row.label, row.split, row.width, row.height, 1.25, thumbnail(pixels))


def facts(rows=None, per_class=6, synthetic=False, **faults) -> PreviewFacts:
    rows = rows or rows_of()
    photos = {row.path: photo_of(row) for row in rows}
    sheets: dict[str, list[PreviewPhoto]] = {}
    for row in rows:
        if len(sheets.setdefault(row.label, [])) < per_class:
            sheets[row.label].append(photos[row.path])
    hygiene = examined(rows, **faults)
    identity = [("Digest", "ab" * 32), ("Build", "https://ci.example.org/runs/1")]
    return PreviewFacts("flowers_processed, version 3", "2026", hygiene, sheets, photos, identity, synthetic)


def faulty() -> PreviewFacts:
    return facts(
        twins=[(0, 3), (1, 4), (2, 32)],
        quarantined=[
            Quarantined(path="daisy/both.jpg", reason="same photo under another class: roses/both.jpg"),
            Quarantined(path="roses/both.jpg", reason="same photo under another class: daisy/both.jpg"),
            Quarantined(path="roses/cut.jpg", reason="truncated: 7 bytes missing"),
        ],
        duplicates=[Quarantined(path="daisy/copy.jpg", reason="same bytes as daisy/5.jpg")],
    )


def test_the_page_needs_nothing_from_outside_and_runs_no_script():
    html = render_preview(faulty())
    page = Page(html)
    assert all(each["src"].startswith("data:image/jpeg;base64,") for each in page.find("img"))
    assert not page.find("link")
    assert not page.find("script")
    assert not re.search(r"@import|url\(|<iframe|<object", html)
    policy = next(each["content"] for each in page.find("meta") if "http-equiv" in each)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_warnings_come_first_and_lead_to_their_sections():
    made = faulty()
    page = Page(render_preview(made))
    said = page.words()
    places = [said.index(sentence) for sentence in warnings_about(made.hygiene)]
    assert places == sorted(places)
    assert places[-1] < said.index("Images per class and split")
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    inner = [each["href"][1:] for each in page.find("a") if each["href"].startswith("#")]
    assert set(inner) <= ids
    assert {"conflicts", "suspicious_labels", "near_duplicates", "quarantined", "duplicates"} <= set(inner)


def test_a_clean_version_is_called_clean():
    page = Page(render_preview(facts()))
    assert "Nothing odd found" in page.words()
    assert page.find("section", "verdict")[0]["class"] == "verdict good"
    assert not page.find("section", "finding")


def test_each_class_has_its_contact_sheet_with_a_split_on_every_photo():
    page = Page(render_preview(facts(per_class=6)))
    assert len(page.find("section", "sheet")) == 2
    assert len(page.find("figure", "shot")) == 12
    assert [len(page.find("span", split)) for split in SPLITS] == [4, 4, 4]
    assert "daisy 6 of 30" in page.words()
    assert all(each["alt"] for each in page.find("img"))


def test_bars_are_relative_to_the_largest_class():
    rows = class_rows(examined([*rows_of(("daisy",), 20), *rows_of(("roses",), 10)]))
    assert [sum(share for _, share in row.bars) for row in rows] == [
        pytest.approx(100, abs=0.01),
        pytest.approx(50, abs=0.01),
    ]
    assert [(row.label, row.total, dict(row.counts)["val"]) for row in rows] == [("daisy", 60, 20), ("roses", 30, 10)]


def test_near_duplicates_stand_side_by_side():
    made = faulty()
    html = render_preview(made)
    groups = html.split('<div class="group shots"')[1:]
    assert any("daisy/0.jpg" in group and "daisy/3.jpg" in group for group in groups)
    assert any("daisy/2.jpg" in group and "roses/2.jpg" in group for group in groups)
    said = Page(html).words()
    assert said.index("Near-duplicates under different labels") < said.index("it only weighs more than once")


def test_a_file_without_a_picture_is_named_all_the_same():
    page = Page(render_preview(faulty()))
    assert len(page.find("figure", "absent")) == 3  # two of one photo under two labels, and the copy
    assert page.words().count("daisy/both.jpg") >= 2
    assert "truncated: 7 bytes missing" in page.words()


def test_names_that_look_like_html_are_only_text():
    rows = rows_of((HOSTILE, '"><img src=x onerror=alert(1)>'))
    made = facts(rows, twins=[(0, 31)], quarantined=[Quarantined(path=HOSTILE, reason=HOSTILE)])
    made = PreviewFacts(HOSTILE, HOSTILE, made.hygiene, made.sheets, made.photos, [(HOSTILE, "javascript:x")], True)
    html = render_preview(made)
    page = Page(html)
    assert "<script" not in html
    assert all(each["href"].startswith("#") for each in page.find("a"))
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "alert('x')" in page.words()


def test_drawings_are_called_drawings():
    html = render_preview(facts(synthetic=True))
    assert Page(html).find("div", "ribbon")
    assert "synthetic sample set" in re.search("<title>(.*?)</title>", html)[1]
    assert "ynthetic sample set" not in render_preview(facts())


def test_findings_say_how_much_of_them_is_on_the_page():
    rows = rows_of(each=200)
    chain = [(number, number + 3) for number in range(0, 300, 3)]  # one large group
    pairs = [(1 + 6 * number, 4 + 6 * number) for number in range(60)]
    made = facts(rows, per_class=1, twins=[*chain, *pairs])
    assert len(made.hygiene.near_duplicates.items) == 61
    assert f"{SHOWN_GROUPS} of 61 groups shown" in Page(render_preview(made)).words()
    assert len(wanted_photos(made.hygiene)) == SHOWN_IN_GROUP + 2 * (SHOWN_GROUPS - 1)


def test_the_files_of_conflicts_and_copies_are_wanted_even_if_they_are_not_in_use():
    wanted = wanted_files(faulty().hygiene)
    assert set(wanted) == {"daisy/both.jpg", "roses/both.jpg", "daisy/5.jpg", "daisy/copy.jpg"}


def test_hundreds_of_classes_make_a_page_that_can_be_opened():
    html = render_preview(facts(rows_of([f"species {number:03d}" for number in range(200)], each=2), per_class=2))
    assert len(Page(html).find("section", "sheet")) == 200
    assert not Page(html).find("nav")
    assert len(html) < 6_000_000
