"""deploy --local-preview: a registered model in the server of a managed endpoint, on this machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from flowerops.domain.bundle import GOLDEN_FILE
from flowerops.targets.local.target import LocalTarget
from helpers.command import flowerops
from helpers.inference import require_serve_environment
from helpers.tiny_bundle import reseal


@pytest.fixture(scope="module")
def place(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a good model and one that does not answer as it must."""
    folder = tmp_path_factory.mktemp("preview")
    wrong = folder / "wrong"
    shutil.copytree(tiny_bundle, wrong)
    golden = json.loads((wrong / GOLDEN_FILE).read_text())
    golden["images"][0]["probabilities"] = [0.5, 0.5]
    (wrong / GOLDEN_FILE).write_text(json.dumps(golden))
    reseal(wrong)
    target = LocalTarget(folder / ".flowerops")
    with target.runs.pipeline_run("tests", "register", {}) as run_id:
        target.models.register("good", tiny_bundle, run_id, {})
        target.models.register("wrong", wrong, run_id, {})
    for name in ("good", "wrong"):
        target.models.set_champion(name, 1)
    return folder


def test_a_model_is_tried_in_the_inference_server_and_nothing_stays(place: Path) -> None:
    python = str(require_serve_environment())
    done = flowerops("deploy", "--model", "good", "--local-preview", "--serve-python", python, "--json", cwd=place)
    assert done.code == 0, done.stdout + done.stderr
    assert done.document["preview"] is True
    assert done.document["model"]["name"] == "good"
    assert done.document["smoke"]["passed"] is True
    assert flowerops("deployments", "list", "--json", cwd=place).document["items"] == []


def test_a_model_that_cannot_be_served_is_told_with_the_servers_log(place: Path) -> None:
    env = {"FLOWEROPS_SERVE_PYTHON": str(require_serve_environment())}
    done = flowerops("deploy", "--model", "wrong", "--local-preview", "--json", cwd=place, env=env)
    assert done.code == 7, done.stdout + done.stderr
    error = done.document["error"]
    assert "golden image" in error["message"]
    assert any("golden image" in line for line in error["log"])


def test_without_the_environment_the_line_that_makes_it_is_told(place: Path) -> None:
    done = flowerops("deploy", "--model", "good", "--local-preview", "--serve-python", "no/python", cwd=place)
    assert done.code == 2
    assert "make serve-env" in done.stderr
