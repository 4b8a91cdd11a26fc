from __future__ import annotations

import pytest

from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import BackboneInfo, BundleInfo, Geometry, RunRef, VersionRef
from flowerops.reports.model_card import render_model_card


def info(**changes):
    made = BundleInfo(
        created="2026-01-02T03:04:05Z",
        labels=["daisy", "roses"],
        geometry=Geometry(size=224, fit="pad"),
        decoder_version=1,
        backbone=BackboneInfo(
            name="efficientnet_lite0", weights_source="pypi:weights==0.1.0", weights_sha256="cd" * 32
        ),
        raw=VersionRef(name="flowers", version=3, digest="a" * 64),
        processed=VersionRef(name="flowers_processed", version=4, digest="b" * 64),
        run=RunRef(id="4f2a", experiment="flowers", step_id="8d11"),
        build=BuildInfo(kind="github", id="123", uri="https://ci.example.org/a_b/runs/1"),
        code=CodeInfo(commit="dab2233", dirty=True),
        environment={"python": "3.11.9"},
        params={"epochs": 30, "note": "a|b"},
        metrics={"val_accuracy": 0.91234},
    )
    return made.model_copy(update=changes)


@pytest.mark.parametrize(
    "fact",
    [
        "2 classes: daisy, roses",
        "centred on a white square of 224 × 224 pixels",
        "| raw: flowers | 3 | " + "a" * 64,
        "| processed: flowers\\_processed | 4 | " + "b" * 64,
        "pypi:weights==0.1.0",
        "cd" * 32,
        "| epochs | 30 |",
        "| note | a\\|b |",
        "| val\\_accuracy | 0.9123 |",
        "| experiment | flowers |",
        "| run | 4f2a |",
        "| build | github 123 |",
        "<https://ci.example.org/a_b/runs/1>",
        "dab2233, with uncommitted changes",
        "| python | 3.11.9 |",
        "| daisy | 1,200 | 20 |",
        "| roses | 7 | 0 |",
    ],
)
def test_the_card_states_the_bundles_facts(fact):
    splits = {"train": {"daisy": 1200, "roses": 7}, "test": {"daisy": 20}}
    assert fact in render_model_card(info(), splits)


def test_a_card_of_drawings_says_so_and_another_does_not():
    assert "Synthetic sample set" in render_model_card(info(synthetic=True))
    assert "drawings" not in render_model_card(info())


def test_what_is_not_known_is_left_out():
    card = render_model_card(info(raw=None, run=None, metrics={}, params={}, code=CodeInfo()))
    assert "raw:" not in card
    assert "experiment |" not in card
    assert "Nothing was measured yet" in card
    assert "not in a git repository" in card


def test_names_cannot_add_markup_or_links():
    hostile = info(
        labels=["<script>alert(1)</script>", "x\n# heading"],
        build=BuildInfo(kind="laptop", id="[me](javascript:x)", uri="javascript:alert(1)"),
    )
    card = render_model_card(hostile)
    assert "<script" not in card
    assert "\n# heading" not in card
    assert "[me](" not in card
    assert "<javascript" not in card


def test_tables_are_whole():
    card = render_model_card(info(), {"train": {"daisy": 1}, "val": {}, "test": {}})
    lines = card.splitlines()
    for number, line in enumerate(lines):
        if set(line) <= set("|-:") and line:
            assert lines[number - 1].count("|") == line.count("|")
            assert lines[number + 1].count("|") == line.count("|")
