from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from flowerops.datasets.scan import FoundFile, scan_folder
from flowerops.domain.build import BuildInfo, CodeInfo
from flowerops.domain.bundle import Geometry
from flowerops.domain.params import EvaluateParams, GatePolicy
from flowerops.domain.progress import SilentProgress
from flowerops.domain.steps import HISTORY_FILE, StepContext
from flowerops.domain.verdict import (
    EVALUATION_FILE,
    PREDICTIONS_FILE,
    REPORT_FILE,
    SUMMARY_FILE,
    Evaluation,
)
from flowerops.errors import BadInputError, StoreIntegrityError
from flowerops.io.hashing import sha256_bytes
from flowerops.steps import evaluate as evaluating
from flowerops.steps import testsets
from flowerops.steps.evaluate import EvaluateInput, evaluate
from flowerops.tracking import StepTracker
from helpers.tiny_bundle import COLOURS, photo

PER_CLASS = 12
MISLABELLED = 'daisy/phone/like a "rose", really.jpg'


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Daisies and roses, some of them small and from a phone; one photo of a rose lies among the daisies."""
    folder = tmp_path_factory.mktemp("labelled")
    for index, label in enumerate(("daisy", "roses")):
        for number in range(PER_CLASS):
            sub = "phone" if number % 3 == 0 else ""
            size = (20, 16) if sub else (90, 60)
            file = folder / label / sub / f"{number}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(photo(COLOURS[index], *size, seed=100 * index + number))
    (folder / MISLABELLED).write_bytes(photo(COLOURS[1], seed=77))
    return folder


@pytest.fixture(scope="module")
def work(photos: Path, tiny_bundle: Path) -> EvaluateInput:
    return EvaluateInput(
        bundle=tiny_bundle,
        data=None,
        raw=None,
        objects=None,
        photos=photos,
        champion=tiny_bundle,
        training=None,
        policy=GatePolicy(),
        params=EvaluateParams(bootstrap_samples=100, max_thumbnails=4),
        context=StepContext(build=BuildInfo(kind="laptop", id="tester"), code=CodeInfo()),
    )


@pytest.fixture(scope="module")
def out(work: EvaluateInput, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    evaluate(work, folder, SilentProgress(), StepTracker(None, None))
    return folder


@pytest.fixture(scope="module")
def found(out: Path) -> Evaluation:
    return Evaluation.from_json((out / EVALUATION_FILE).read_bytes(), EVALUATION_FILE)


def test_pandas_reads_every_prediction(out: Path, photos: Path, found: Evaluation) -> None:
    table = pd.read_csv(out / PREDICTIONS_FILE)
    assert list(table) == ["path", "true", "predicted", "right", "confidence", "sha256", "p_daisy", "p_roses"]
    assert len(table) == found.metrics.n == 2 * PER_CLASS + 1
    assert table["right"].mean() == pytest.approx(found.metrics.accuracy)
    assert (table["p_daisy"] + table["p_roses"]).to_numpy() == pytest.approx(1, abs=1e-5)
    odd = table.set_index("path").loc[MISLABELLED]
    assert (odd["true"], odd["predicted"], odd["right"]) == ("daisy", "roses", 0)
    assert odd["sha256"] == sha256_bytes((photos / MISLABELLED).read_bytes())
    assert odd["confidence"] == odd["p_roses"]


def test_the_facts_have_slices_cost_and_areas(found: Evaluation, work: EvaluateInput) -> None:
    sizes = {one.name: one.n for one in found.slices if one.by == "size"}
    assert sizes == {"below 32 px": 8, "64 to 127 px": 17}
    assert {one.name: one.n for one in found.slices if one.by == "folder"} == {".": 16, "phone": 9}
    assert found.cost is not None
    assert 0 < found.cost.latency_ms <= found.cost.latency_p95_ms
    assert 0 < found.cost.model_bytes < found.cost.bundle_bytes
    assert found.metrics.roc_auc is not None
    assert found.schema_version == 2


def test_an_evaluation_of_an_earlier_version_can_still_be_read(found: Evaluation) -> None:
    old = json.loads(found.to_json())
    old["schema_version"] = 1
    for name in ("slices", "cost"):
        del old[name]
    del old["metrics"]["roc_auc"]
    for scores in old["metrics"]["per_class"].values():
        del scores["roc_auc"]
    for name in ("bootstrap_p", "candidate_macro_f1", "champion_macro_f1", "macro_f1_difference", "macro_f1_ci95"):
        del old["comparison"][name]
    assert Evaluation.from_json(json.dumps(old), "old").metrics.accuracy == found.metrics.accuracy


def test_the_report_shows_why_and_every_photo_behind_its_cell(out: Path) -> None:
    html = (out / REPORT_FILE).read_text()
    assert html.count('class="why"') == 1  # of the one mistake
    assert html.count("<img ") == 2 * PER_CLASS + 1 + 1
    assert "Part by part" in html
    assert 'class="lineage-graph"' in html
    assert "an image on one thread" in (out / SUMMARY_FILE).read_text()


def test_no_photo_is_explained_beyond_the_time_there_is(work: EvaluateInput, tmp_path: Path) -> None:
    params = work.params.model_copy(update={"explain_seconds": 0.0, "max_thumbnails": 0})
    evaluate(dataclasses.replace(work, params=params), tmp_path / "none", SilentProgress(), StepTracker(None, None))
    assert "<img " not in (tmp_path / "none" / REPORT_FILE).read_text()


def test_groups_can_be_asked_for(work: EvaluateInput, tmp_path: Path) -> None:
    params = work.params.model_copy(update={"group_by": "phone|/[0-4]", "max_thumbnails": 0, "max_explained": 0})
    evaluate(dataclasses.replace(work, params=params), tmp_path, SilentProgress(), StepTracker(None, None))
    found = Evaluation.from_json((tmp_path / EVALUATION_FILE).read_bytes(), EVALUATION_FILE)
    assert {one.name: one.n for one in found.slices if one.by == "group"}["phone"] == 9


def test_a_cap_on_the_size_is_held_against_the_measured_one(work: EvaluateInput, tmp_path: Path) -> None:
    strict = dataclasses.replace(work, policy=GatePolicy(max_bundle_mb=0.001))
    evaluate(strict, tmp_path, SilentProgress(), StepTracker(None, None))
    decision = Evaluation.from_json((tmp_path / EVALUATION_FILE).read_bytes(), EVALUATION_FILE).decision
    assert decision is not None
    assert (decision.outcome, "above the cap of 0.001 MB" in decision.reasons[0]) == ("rejected", True)


def test_a_photo_that_vanishes_is_bad_input(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = scan_folder(photos)
    scan.files.append(FoundFile(scan.files[0].label, f"{scan.files[0].label}/gone.jpg", str(photos)))
    monkeypatch.setattr(testsets, "scan_folder", lambda *_, **__: scan)
    with pytest.raises(BadInputError, match=r"cannot read .*gone\.jpg"):
        testsets.from_folder(photos, list(scan.classes()), Geometry(size=24), SilentProgress())


@pytest.mark.parametrize("text", ["{", "[]", '{"loss": "low"}'])
def test_a_damaged_history_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / HISTORY_FILE).write_text(text)
    with pytest.raises(StoreIntegrityError, match=HISTORY_FILE):
        evaluating._history(tmp_path)
    (tmp_path / HISTORY_FILE).write_text('{"loss": [0.5, NaN]}')
    assert evaluating._history(tmp_path)["loss"][0] == 0.5
