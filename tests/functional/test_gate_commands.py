"""What the gate means for scripts: exit codes, summaries for CI systems, and pictures that explain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from flowerops.targets.local.target import LocalTarget
from helpers.command import clean_environment, flowerops
from helpers.tiny_bundle import COLOURS, photo

OTHER = ("--model", "other:1")
MAKE = "import sys; make_home(Path(sys.argv[1]))"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Path:
    """A home with a trained run, and the model `other` whose champion knows a class by its colour."""
    folder = tmp_path_factory.mktemp("gated")
    subprocess.run(
        [sys.executable, "-c", f"from pathlib import Path; from helpers.trained_home import *; {MAKE}", str(folder)],
        env=clean_environment(PYTHONPATH=str(Path(__file__).parents[1])),
        capture_output=True,
        check=True,
        timeout=280,
    )
    target = LocalTarget(folder / ".flowerops")
    target.models.register("other", tiny_bundle, "run-1", {})
    target.models.set_champion("other", 1)
    return folder


def test_evaluate_leaves_one_document_on_stdout_and_the_summary_everywhere(place: Path) -> None:
    env = {"GITHUB_STEP_SUMMARY": str(place / "step.md"), "TF_BUILD": "True"}
    arguments = ("--summary-md", "out/summary.md", "--report", "out/report.html", "--json")
    done = flowerops("evaluate", *arguments, cwd=place, env=env)
    assert done.code == 0, done.stderr
    document = done.document
    summary = (place / "out/summary.md").read_text()
    assert summary.startswith("## Evaluation of run")
    assert (place / "step.md").read_text().strip() == summary.strip()
    told = [line for line in done.stderr.splitlines() if line.startswith("##vso[")]
    assert told == [f"##vso[task.uploadsummary]{(place / 'out/summary.md').resolve()}"]
    assert (place / "out/report.html").read_bytes() == Path(document["report"]).read_bytes()
    assert Path(document["predictions"]).read_text().startswith("path,true,predicted,right,confidence,sha256,p_daisy")
    assert document["decision"]["outcome"] == "first"
    assert document["cost"]["latency_ms"] > 0


def test_an_asserted_accuracy_that_is_missed_exits_4_with_the_facts_and_the_summary(place: Path) -> None:
    for index, label in enumerate(("roses", "daisy")):  # the other way round
        (place / "swapped" / label).mkdir(parents=True)
        (place / "swapped" / label / "1.jpg").write_bytes(photo(COLOURS[index]))
    subject = ("--model", "other", "--data-folder", "swapped")
    wanted = ("--assert-accuracy-at-least", "50%", "--summary-md", "missed.md")
    done = flowerops("evaluate", *subject, *wanted, "--json", cwd=place)
    assert done.code == 4
    error = done.document["error"]
    assert (error["code"], error["metrics"]["accuracy"]) == ("gate_rejected", 0)
    assert Path(error["report"]).is_file()
    assert (place / "missed.md").is_file()
    done = flowerops("evaluate", "--assert-accuracy-at-least", "2", cwd=place)
    assert (done.code, "is not between 0% and 100%" in done.stderr) == (2, True)


def test_a_floor_in_the_policy_rejects_and_register_exits_4(place: Path) -> None:
    gate = {"FLOWEROPS_GATE": json.dumps({"min_recall_of": {"orchids": 0.5}})}
    evaluated = flowerops("evaluate", "--strict", "--json", cwd=place, env=gate)
    assert evaluated.code == 4
    assert evaluated.document["error"]["decision"]["outcome"] == "rejected"
    registered = flowerops("register", "--json", cwd=place, env=gate)
    assert (registered.code, registered.document["error"]["code"]) == (4, "gate_rejected")
    assert "orchids" in registered.document["error"]["message"]
    misspelt = flowerops("evaluate", cwd=place, env={"FLOWEROPS_GATE": '{"min_recal": 1}'})
    assert (misspelt.code, "min_recall" in misspelt.stderr) == (2, True)


def test_inconclusive_registers_and_exits_0_but_4_when_strict(place: Path) -> None:
    never = {"FLOWEROPS_GATE": json.dumps({"min_gain": 1, "significance": 1e-9, "clear_gain_significance": 1e-9})}
    strict = flowerops("evaluate", "--name", "other", "--strict", "--json", cwd=place, env=never)
    assert (strict.code, strict.document["error"]["code"]) == (4, "gate_inconclusive"), strict.stdout + strict.stderr
    assert strict.document["error"]["comparison"]["n"] > 0
    registered = flowerops("register", "--name", "other", "--json", cwd=place, env=never)
    assert registered.code == 0, registered.stdout
    assert (registered.document["champion"], registered.document["model"]["version"]) == (False, 2)
    again = flowerops("register", "--name", "other", "--strict", "--json", cwd=place, env=never)
    assert again.code == 4
    assert again.document["error"]["model"]["version"] == 2
    assert "is registered; the champion stays" in again.document["error"]["hint"]


def test_the_schema_is_printed(place: Path) -> None:
    schema = json.loads(flowerops("evaluate", "--schema", cwd=place).stdout)
    assert schema["properties"]["schema_version"]["default"] == 2
    assert flowerops("evaluate", "--schema", "--json", cwd=place).document["schema"] == schema


def test_explain_draws_what_decided(place: Path, tmp_path: Path) -> None:
    photos = sorted((place / "photos").glob("*/*.jpg"))[:2]
    one = flowerops(
        "explain", photos[0], *OTHER, "--out", tmp_path / "overlay.png", "--cells", "3", "--json", cwd=place
    )
    assert one.code == 0, one.stderr
    said = one.document["explanations"][0]
    assert said["label"] == said["explained"] == max(said["probabilities"], key=said["probabilities"].get)
    assert Image.open(tmp_path / "overlay.png").format == "PNG"
    assert len(said["grid"][0]) == 3
    several = ("--out", tmp_path / "all", "--class", "roses", "--cells", "2")
    done = flowerops("explain", *photos, photos[0], *OTHER, *several, cwd=place)
    assert done.code == 0, done.stderr
    assert len(list((tmp_path / "all").iterdir())) == 3
    planned = flowerops("explain", photos[0], "--out", tmp_path / "x.png", "--dry-run", "--json", cwd=place)
    assert planned.document["explanations"] == [{"path": str(photos[0]), "out": str(tmp_path / "x.png")}]
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["gone.jpg"], 3, "gone.jpg"),
        (["flowerops.txt"], 3, "flowerops.txt"),
        (["photos/daisy/daisy_0000.jpg", "--class", "rose"], 3, "Did you mean 'roses'?"),
        (["photos/daisy/daisy_0000.jpg", "photos/daisy/daisy_0001.jpg", "--out", "one.png"], 2, "--out explained/"),
        (["photos/daisy/daisy_0000.jpg", "--model", "nobody"], 3, "nobody"),
    ],
)
def test_what_cannot_be_explained_is_said_plainly(place: Path, arguments: list[str], code: int, said: str) -> None:
    (place / "flowerops.txt").write_text("no image")
    done = flowerops("explain", *OTHER, *arguments, cwd=place)
    assert done.code == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
