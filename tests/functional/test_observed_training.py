"""One training with everything on: tuned, quantized, exported for TF Serving, watched; through the real commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from flowerops.domain.bundle import BundleInfo
from flowerops.serving.scorer import Scorer
from flowerops.tracking import Ledger
from helpers.command import flowerops
from helpers.photos import make_photos

TINY = json.dumps(
    {
        "preprocessing": {"image_size": 48},
        "training": {"backbone": "cnn", "epochs": 2, "max_quantize_drop": 1.0, "label_smoothing": 0.1, "threads": 1},
    }
)
EVERYTHING = ("--tune", "2", "--quantize", "--saved-model", "--tensorboard")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("observed")
    make_photos(folder / "photos", per_class=14)
    return folder


@pytest.fixture(scope="module")
def trained(place: Path) -> dict:  # type: ignore[type-arg]
    done = flowerops("train", "--data-folder", "photos", "--params", TINY, *EVERYTHING, "--json", cwd=place)
    assert done.code == 0, done.stdout + done.stderr
    (place / "said").write_text(done.stderr)
    return done.document


def test_the_result_tells_of_the_search(trained: dict) -> None:  # type: ignore[type-arg]
    tuning = trained["tuning"]
    assert [trial["number"] for trial in tuning["trials"]] == [1, 2]
    assert set(tuning["space"]) == {"learning_rate", "batch_size"}
    assert tuning["best"] in tuning["trials"]
    info = BundleInfo.from_json((Path(trained["bundle"]["path"]) / "bundle.json").read_bytes(), "")
    assert info.tuning is not None and (info.tuning.trials, info.tuning.best) == (2, tuning["best"]["number"])
    assert info.params["tune"] is None
    for name, value in tuning["best"]["values"].items():
        assert info.params[name] == pytest.approx(value)


def test_the_result_tells_what_the_training_cost(trained: dict) -> None:  # type: ignore[type-arg]
    assert {"tuning", "fit", "export", "decode", "total"} <= set(trained["seconds"])
    assert trained["cost"]["images_per_second_fit"] > 0
    assert trained["cost"]["peak_memory_mib"] > 50


def test_every_form_of_the_model_is_sealed_and_registered(trained: dict, place: Path) -> None:  # type: ignore[type-arg]
    bundle, quantized = Path(trained["bundle"]["path"]), trained["quantized"]
    assert quantized["kept"] and quantized["images"] > 0
    sealed = (bundle / "SHA256SUMS").read_text()
    for name in ("model.int8.tflite", "saved_model/saved_model.pb", "saved_model/variables/variables.index"):
        assert f"  {name}\n" in sealed
    assert Scorer.load(bundle, quantized=True).labels == trained["classes"]
    assert "### The int8 model" in (bundle / "MODEL_CARD.md").read_text()
    assert flowerops("evaluate", "--json", cwd=place).code == 0
    registered = flowerops("register", "--force", "--reason", "test", "--json", cwd=place)
    assert registered.code == 0, registered.stdout
    photo = next((place / "photos" / "roses").iterdir())
    both = [
        flowerops("predict", photo, "--json", *more, cwd=place).document["predictions"][0]["probabilities"]["roses"]
        for more in ((), ("--quantized",))
    ]
    assert both[0] == pytest.approx(both[1], abs=0.1)
    assert flowerops("verify", "--json", cwd=place).code == 0


def test_the_ledger_has_the_curves_the_figures_and_a_run_for_each_trial(trained: dict, place: Path) -> None:  # type: ignore[type-arg]
    ledger = Ledger.open_sqlite(place / ".flowerops" / "mlflow.db")
    (step,) = [run for run in ledger.children(trained["run_id"]) if run.name == "train"]
    assert {"best_val_accuracy", "val_accuracy", "seconds_export", "images_per_second_fit"} <= set(step.metrics)
    trials = ledger.children(step.id)
    assert [trial.name for trial in trials] == ["trial 1", "trial 2"]
    assert all(trial.status == "FINISHED" and "val_loss" in trial.metrics for trial in trials)
    assert set(trials[1].params) == {"learning_rate", "batch_size"}
    kept = {path.name for path in (place / ".flowerops" / "artifacts" / step.id).rglob("*") if path.is_file()}
    assert {"learning_curves.png", "tuning.json"} <= kept
    assert (
        len([name for name in kept if name.startswith("events.out.tfevents.")]) == 1
    )  # of the same name in two folders


def test_the_screen_says_an_epoch_a_line_and_where_to_watch(trained: dict, place: Path) -> None:  # type: ignore[type-arg]
    said = (place / "said").read_text().splitlines()
    assert any(line.startswith("watch it: tensorboard --logdir ") for line in said)
    assert any(line.startswith("epoch 2/2 · ") and " images/s" in line for line in said)
    assert any(line.startswith("trial 2/2 · val loss ") for line in said)
    assert list(Path(trained["tensorboard"]).rglob("events.out.tfevents.*"))


def test_a_plan_shows_what_would_be_searched(trained: dict, place: Path) -> None:  # type: ignore[type-arg]
    plan = flowerops("train", "--params", TINY, "--tune", "5", "--dry-run", "--json", cwd=place).document
    assert plan["tuning"]["trials"] == 5
    assert set(plan["tuning"]["space"]) == {"learning_rate", "batch_size"}
    shown = flowerops("train", "--params", TINY, "--tune", "5", "--dry-run", cwd=place).stdout
    assert "5 trials first" in shown and "learning_rate" in shown


def test_a_bundle_without_an_int8_model_says_so(trained: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    from flowerops.errors import BadInputError
    from flowerops.io.hashing import seal_folder

    bundle = shutil.copytree(trained["bundle"]["path"], tmp_path / "bundle")
    info = BundleInfo.from_json((bundle / "bundle.json").read_bytes(), "").model_copy(update={"quantized": None})
    (bundle / "bundle.json").write_text(info.to_json())
    seal_folder(bundle)
    with pytest.raises(BadInputError, match="has no int8 model"):
        Scorer.load(bundle, quantized=True)
