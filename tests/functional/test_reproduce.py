"""reproduce through the real commands: the same bytes, another model, and data that is gone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowerops.domain.bundle import BUNDLE_FILE
from flowerops.targets.local.target import LocalTarget
from helpers.command import clean_environment, flowerops
from helpers.tiny_bundle import reseal

MODEL = "flower_classifier"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a registered model of a deterministic training."""
    folder = tmp_path_factory.mktemp("reproduce")
    made = (
        "from pathlib import Path; import sys; from helpers.trained_home import COMMANDS, make_home\n"
        "first, train, evaluate = COMMANDS\n"
        "make_home(Path(sys.argv[1]), (first, [*train, '--deterministic'], evaluate, ['register']))\n"
    )
    subprocess.run(
        [sys.executable, "-c", made, str(folder)],
        env=clean_environment(PYTHONPATH=str(Path(__file__).parents[1])),
        capture_output=True,
        check=True,
        timeout=240,
    )
    return folder


def test_a_deterministic_model_comes_out_the_same_byte_for_byte_and_nothing_is_registered(place: Path) -> None:
    plan = flowerops("reproduce", "--dry-run", "--json", cwd=place)
    assert (plan.code, plan.document["causes"]) == (0, []), plan
    assert plan.document["params"]["backbone"] == "cnn"
    candidate = flowerops("evaluate", "--dry-run", "--json", cwd=place).document["subject"]

    done = flowerops("reproduce", MODEL, "--json", cwd=place)
    assert done.code == 0, done
    document = done.document
    assert document["verdict"] == "identical"
    assert document["bundle"]["digest"] == document["model"]["digest"]
    assert document["golden"]["images"] > 0
    assert document["golden"]["max_difference"] == document["test"]["max_difference"] == 0
    assert document["causes"] == []

    (item,) = flowerops("models", "list", "--json", cwd=place).document["items"]
    assert item["version"] == 1
    assert flowerops("evaluate", "--dry-run", "--json", cwd=place).document["subject"] == candidate, (
        "it is no candidate"
    )
    assert document["run_id"] not in candidate

    nodes = {node["kind"]: node for node in flowerops("lineage", MODEL, "--json", cwd=place).document["nodes"]}
    assert nodes["experiment"]["name"] == "flower-training", "which the bundle does not say"
    assert nodes["build"]["system"] == "laptop"


def test_another_model_is_different_and_the_reason_is_named(place: Path, tmp_path: Path) -> None:
    """A bundle whose lineage says that it was trained with another seed than it was."""
    target = LocalTarget(place / ".flowerops")
    (model,) = target.models.versions(MODEL)
    shutil.copytree(model.bundle, tmp_path / "bundle")
    file = tmp_path / "bundle" / BUNDLE_FILE
    info = json.loads(file.read_text())
    file.write_text(json.dumps({**info, "requested": {**info["requested"], "seed": 7}}))
    reseal(tmp_path / "bundle")
    target.models.register("other", tmp_path / "bundle", model.run_id or "", {})

    done = flowerops("reproduce", "other:1", "--tolerance", "0", "--json", cwd=place)
    assert done.code == 5, done
    error = done.document["error"]
    assert error["code"] == "not_reproduced"
    assert "seed: 42 then, 7 now" in error["message"]
    assert error["verdict"] == "different"
    assert error["test"]["max_difference"] > 0


def test_a_model_without_its_data_is_bad_input_that_says_what_to_do(place: Path, tmp_path: Path) -> None:
    elsewhere = LocalTarget(tmp_path / "home")
    (model,) = LocalTarget(place / ".flowerops").models.versions(MODEL)
    elsewhere.models.register(MODEL, model.bundle, "", {})
    done = flowerops("reproduce", "--home", "home", "--json", cwd=tmp_path)
    assert done.code == 3, done
    error = done.document["error"]
    assert f"the data of {MODEL}:1 is gone: flowers_processed:1" in error["message"]
    assert "bring them back" in error["hint"]
