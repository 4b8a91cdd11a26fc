"""Registry, scoring and drift as a user meets them: the real command line on a home with two models."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from flowerops.io.presence import leave
from helpers.both_targets import Place
from helpers.command import Outcome, flowerops
from helpers.photos import make_photos
from helpers.tiny_bundle import reseal

MODEL = "flower_classifier"


@pytest.fixture(scope="module")
def home(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, a dataset and two versions, the first of which is the champion."""
    root = tmp_path_factory.mktemp("registry")
    place = Place("local", root / ".flowerops")
    make_photos(root / "photos", per_class=40)
    place.prepare(root / "photos", "flowers", image_size=32, val_share=0.3, test_share=0.3)
    shutil.copytree(tiny_bundle, root / "second")
    (root / "second/MODEL_CARD.md").write_text("# Another one\n")
    reseal(root / "second")
    for bundle, accuracy in ((tiny_bundle, "0.8"), (root / "second", "0.9")):
        place.target.models.register(MODEL, bundle, f"run-{accuracy}", {"test_accuracy": accuracy})
    place.target.models.set_champion(MODEL, 1)
    leave(place.home / "locks")
    return root


def ask(home: Path, *words: str, code: int = 0) -> Outcome:
    outcome = flowerops(*words, cwd=home)
    assert outcome.code == code, outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stderr
    return outcome


def test_a_version_is_compared_promoted_archived_and_removed_and_the_history_tells_it(home: Path) -> None:
    said = ask(home, "models", "diff", f"{MODEL}:1", f"{MODEL}:2").stdout
    assert "test_accuracy" in said
    assert "+0.1" in said
    ask(home, "models", "promote", f"{MODEL}:2", "--reason", "better")
    ask(home, "models", "rollback", MODEL, "--reason", "no, it is not")
    assert "is the champion and cannot be removed" in ask(home, "models", "rm", f"{MODEL}:1", code=6).stderr
    assert ask(home, "models", "archive", f"{MODEL}:2", "--dry-run", "--json").document["changed"]
    ask(home, "models", "archive", f"{MODEL}:2", "--reason", "worse")
    assert f"{MODEL}:2" not in ask(home, "models", "list").stdout
    assert "archived" in ask(home, "models", "list", "--all").stdout
    assert "is archived" in ask(home, "models", "promote", f"{MODEL}:2", "--reason", "x", code=6).stderr
    assert ask(home, "models", "rm", f"{MODEL}:2", "--dry-run").stdout.startswith("→ would remove")
    ask(home, "models", "rm", f"{MODEL}:2", "--reason", "gone for good")
    told = ask(home, "models", "history", "--json").document
    assert [(one["action"], one["reason"]) for one in told["entries"]] == [
        ("remove", "gone for good"),
        ("archive", "worse"),
        ("rollback", "no, it is not"),
        ("promote", "better"),
    ]
    assert f"remove {MODEL}:2" in ask(home, "models", "history").stdout
    assert "rollback" in ask(home, "models", "show", f"{MODEL}:1").stdout
    assert len(list((home / ".flowerops/bundles").iterdir())) == 1


def test_the_lineage_is_verified_and_a_damaged_bundle_named(home: Path) -> None:
    said = ask(home, "verify", "--lineage", f"{MODEL}:1").stdout
    assert "? model flower_classifier:1 was trained on dataset tiny:1" in said
    assert "missing: " in said
    assert "verify --lineage" in ask(home, "verify", MODEL, code=2).stderr
    card = next((home / ".flowerops/bundles").glob("*/MODEL_CARD.md"))
    kept = card.read_bytes()
    card.write_text("changed")
    document = ask(home, "verify", "--lineage", "--json", code=5).document
    card.write_bytes(kept)
    assert (document["ok"], document["error"]["code"], document["counts"]["broken"]) == (False, "integrity", 1)
    (broken,) = (link for link in document["links"] if link["status"] == "broken")
    assert "MODEL_CARD.md" in broken["why"]


def test_a_folder_is_scored_into_a_table(home: Path) -> None:
    (home / "photos/daisy/page.jpg").write_text("<html>")
    try:
        assert ask(home, "score", "photos", "--dry-run", "--json").document["files"] == 81
        outcome = ask(home, "score", "photos", "--out", "out/predictions.parquet")
    finally:
        (home / "photos/daisy/page.jpg").unlink()
    assert "80 photos scored with flower_classifier:1" in outcome.stdout
    assert "daisy/page.jpg: not a" in outcome.stdout
    assert pq.read_metadata(home / "out/predictions.parquet").num_rows == 81
    assert ask(home, "score", "photos", "--out", "x.txt", code=2).stderr.count("\n") == 2


def test_drift_ends_with_four_and_writes_its_page(home: Path) -> None:
    make_photos(home / "same", per_class=20, seed=3)
    make_photos(home / "other", per_class=20, seed=4)
    for path in (home / "other").rglob("*.jpg"):
        ImageOps.invert(Image.open(path)).save(path)
    assert "no drift" in ask(home, "drift", "same", "--reference", "flowers").stdout
    outcome = ask(home, "drift", "other", "--reference", "flowers:1", "--html", "drift.html", code=4)
    assert "drifted from flowers_processed:1" in outcome.stderr
    assert "features" in outcome.stdout
    assert "The photos drifted" in (home / "drift.html").read_text(encoding="utf-8")
    (home / "flowerops.toml").write_text("[drift]\np_value = 0.002\npermutations = 100\n")
    assert "at least 999 permutations" in ask(home, "drift", "same", code=2).stderr
    (home / "flowerops.toml").unlink()
    document = ask(home, "drift", "other", "--reference", "flowers", "--json", code=4).document
    assert (document["ok"], document["error"]["code"], document["outcome"]) == (False, "drift", "drift")
