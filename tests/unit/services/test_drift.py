"""Drift of real pixels, through a real LiteRT network and a real dataset version."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from flowerops.domain.drift import DriftParams
from flowerops.domain.names import Selector
from flowerops.errors import BadInputError, DriftFoundError, UsageError
from flowerops.services.drift import DriftRequest, Found, drift, refuse_drift
from helpers.both_targets import Place
from helpers.photos import make_photos

PARAMS = DriftParams(permutations=399)
LABELS = ("daisy", "roses")


@pytest.fixture(scope="module")
def place(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home with a model and a dataset of sixty photos a class."""
    root = tmp_path_factory.mktemp("drift")
    made = Place("local", root / "home")
    make_photos(root / "photos", per_class=60)
    made.prepare(root / "photos", "flowers", image_size=32, val_share=0.3, test_share=0.3)
    made.target.models.register("tiny", tiny_bundle, "run-1", {})
    return made


def more_photos(folder: Path, seed: int = 1, classes: tuple[str, ...] = LABELS, per_class: int = 30) -> Path:
    make_photos(folder, classes=classes, per_class=per_class, seed=seed)
    return folder


def ask(place: Place, folder: Path, page: Path | None = None, reference: str = "flowers") -> Found:
    request = DriftRequest(folder, Selector(reference), Selector("tiny"), PARAMS, page)
    return drift(place.target, request, place.told)


def test_other_photos_of_the_same_kind_are_no_drift(place: Place, tmp_path: Path):
    report = ask(place, more_photos(tmp_path / "new")).report
    refuse_drift(report)
    assert (report.outcome, report.embedding.drifted, report.labels.drifted) == ("no drift", False, False)
    assert report.splits == ["val", "test"]
    assert (report.files, report.compared, report.known) == (60, 60, 0)
    assert report.reference_compared >= 60
    assert report.embedding.features == 3
    assert sum(one.photos for one in report.classes) == 60


def test_inverted_photos_are_found_by_their_features(place: Place, tmp_path: Path):
    for path in more_photos(tmp_path / "new").rglob("*.jpg"):
        ImageOps.invert(Image.open(path)).save(path)
    report = ask(place, tmp_path / "new").report
    assert report.embedding.drifted
    assert report.embedding.p_value == 1 / 400
    assert report.unlike[0].unusual == 1.0
    assert [one.distance for one in report.unlike] == sorted((one.distance for one in report.unlike), reverse=True)
    with pytest.raises(DriftFoundError, match="features differ") as caught:
        refuse_drift(report)
    assert caught.value.exit_code == 4


def test_a_missing_class_is_found_by_the_index(place: Place, tmp_path: Path):
    report = ask(place, more_photos(tmp_path / "new", classes=("daisy",), per_class=60)).report
    assert report.labels.drifted
    assert report.labels.psi > 0.25
    assert {one.label: one.photos for one in report.classes}["roses"] < 10
    assert report.labels.psi == pytest.approx(sum(one.psi for one in report.classes))


def test_the_same_question_has_the_same_answer_and_a_page(place: Place, tmp_path: Path):
    folder = more_photos(tmp_path / "new", seed=2)
    (folder / "daisy/<b>bad<b>.jpg").write_bytes(b"<html>")
    (folder / "daisy/.hidden").write_bytes(b"x")
    known = next((place.home.parent / "photos").rglob("*.jpg"))
    (folder / "roses/known.jpg").write_bytes(known.read_bytes())
    first = ask(place, folder, tmp_path / "drift.html")
    again = ask(place, folder)
    assert again.report == first.report
    assert (first.report.known, first.report.files, first.report.compared) == (1, 62, 61)
    assert [entry.path for entry in first.report.rejected] == ["daisy/<b>bad<b>.jpg"]
    assert [entry.path for entry in first.report.skipped] == ["daisy/.hidden"]
    page = (tmp_path / "drift.html").read_text(encoding="utf-8")
    assert "No drift found" in page
    assert "&lt;b&gt;bad&lt;b&gt;.jpg" in page
    assert "<b>" not in page
    assert page.count("data:image/jpeg") == 2 * len(first.report.unlike) == 48
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(page) < 1_000_000
    document = first.document()
    assert document["report"] == str(tmp_path / "drift.html")
    json.dumps(document)


def test_what_cannot_be_compared_is_refused(place: Place, tmp_path: Path):
    with pytest.raises(BadInputError, match="has 4 photos that can be compared; drift needs 20"):
        ask(place, more_photos(tmp_path / "few", per_class=2))
    for number in range(25):
        (tmp_path / "bad" / f"{number}.jpg").parent.mkdir(exist_ok=True)
        (tmp_path / "bad" / f"{number}.jpg").write_bytes(b"no photo")
    with pytest.raises(BadInputError, match="has 0 photos"):
        ask(place, tmp_path / "bad")
    folder = more_photos(tmp_path / "new", per_class=10)
    with pytest.raises(UsageError, match="is a folder"):
        ask(place, folder, tmp_path)
    with pytest.raises(BadInputError, match="there is no dataset"):
        ask(place, folder, reference="weeds")
    with pytest.raises(BadInputError, match="the data that the model was trained on, tiny, is not here"):
        drift(place.target, DriftRequest(folder, None, Selector("tiny"), PARAMS, None), place.told)


def test_a_reference_of_another_size_is_refused(place: Place, tmp_path: Path):
    make_photos(tmp_path / "photos", per_class=20, seed=9)
    place.prepare(tmp_path / "photos", "other", image_size=48)
    with pytest.raises(BadInputError, match=r"has squares of 48 pixels .*; the model takes 32") as caught:
        ask(place, tmp_path / "photos", reference="other")
    assert "--image-size 32" in str(caught.value.hint)


def test_halves_of_real_pixels_differ_about_as_rarely_as_they_should(place: Place, tiny_bundle: Path):
    from flowerops.domain.two_samples import kernel_test
    from flowerops.io.hashing import SEAL_FILE, sha256_file
    from flowerops.serving.penultimate import FeatureModel

    network = FeatureModel(tiny_bundle, sha256_file(tiny_bundle / SEAL_FILE))
    photos = sorted((place.home.parent / "photos").rglob("*.jpg"))
    features = np.stack([network.look(network.prepare(path.read_bytes())).features for path in photos])
    found = 0
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(len(features))
        found += kernel_test(features[order[:60]], features[order[60:]], 99, seed).p_value <= 0.1
    assert 7 <= found <= 35  # 20 are expected; outside of this once in some 300,000 cases
