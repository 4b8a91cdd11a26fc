"""The whole local lifecycle through the real command line, on a tiny set and a tiny network."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from helpers.command import Outcome, flowerops
from helpers.photos import make_photos

TINY = json.dumps(
    {"preprocessing": {"image_size": 48}, "training": {"backbone": "cnn", "epochs": 2, "batch_size": 8}},
)
BUILD = {
    "BUILD_BUILDID": "4711",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/garden/",
    "SYSTEM_TEAMPROJECT": "flowers",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("lifecycle")
    make_photos(folder / "photos", per_class=14)
    make_photos(folder / "new", per_class=14, seed=99)
    yield folder
    flowerops("deployments", "stop", "flowers", cwd=folder)


def _ok(outcome: Outcome) -> dict:  # type: ignore[type-arg]
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    return outcome.document


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def first_run(place: Path) -> dict:  # type: ignore[type-arg]
    port = str(_free_port())
    arguments = ("run", "--data-folder", "photos", "--params", TINY, "--port", port, "--summary-md", "run.md", "--json")
    return _ok(flowerops(*arguments, cwd=place, env=BUILD))


def test_run_does_every_step_and_says_how_long_each_took(first_run: dict) -> None:  # type: ignore[type-arg]
    steps = first_run["steps"]
    assert list(steps) == ["preprocess", "train", "evaluate", "register", "deploy", "smoketest"]
    assert steps["preprocess"]["raw"]["version"] == 1
    assert steps["preprocess"]["decoded"] == steps["preprocess"]["processed"]["files"]
    assert steps["train"]["classes"] == ["daisy", "roses"]
    assert 0 <= steps["train"]["metrics"]["val_accuracy"] <= 1
    assert steps["evaluate"]["n"] == steps["preprocess"]["processed"]["splits"]["test"]
    assert steps["evaluate"]["decision"]["outcome"] == "first"
    assert steps["register"]["champion"] is True
    assert steps["smoketest"]["passed"] is True
    assert first_run["seconds"] > 0


def test_run_writes_the_summary_of_its_evaluation(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    text = (place / "run.md").read_text()
    assert text.startswith(f"## Evaluation of run {first_run['run_id'][:12]}")
    assert "**First model.**" in text


def test_the_model_version_carries_its_build_data_and_run(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    tags = _ok(flowerops("models", "show", "flower_classifier", "--json", cwd=place))["tags"]
    assert tags["BuildId"] == "4711"
    assert tags["BuildUri"] == "https://dev.azure.com/garden/flowers/_build/results?buildId=4711"
    assert tags["dataset_id"] == "flowers:1"
    assert tags["processed_id"] == "flowers_processed:1"
    assert tags["run_id"] == first_run["run_id"]
    assert tags["run_type"] == "run"
    assert tags["experiment_name"] == "flower-training"


def test_lineage_leads_from_the_model_to_photos_and_build(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    document = _ok(flowerops("lineage", "flower_classifier", "--json", cwd=place))
    nodes = {node["id"]: node for node in document["nodes"]}
    edges = {(source, target) for source, target, _ in document["edges"]}
    run = f"run:{first_run['run_id']}"
    assert ("model:flower_classifier:1", "experiment:flower-training") in edges
    assert ("experiment:flower-training", run) in edges
    assert (run, "build:4711") in edges
    assert ("dataset:flowers_processed:1", "dataset:flowers:1") in edges
    steps = [
        nodes[target]["name"].split()[0] for source, target in sorted(edges) if source == run and "step:" in target
    ]
    assert sorted(steps) == ["evaluate", "preprocess", "register", "train"]
    assert nodes["dataset:flowers:1"]["digest"] == first_run["steps"]["preprocess"]["raw"]["digest"]
    assert not any(node.get("missing") for node in document["nodes"])
    tree = flowerops("lineage", "flower_classifier", cwd=place).stdout
    assert "run " + first_run["run_id"] in tree


def test_the_endpoint_answers_raw_bytes_with_identity(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    url = first_run["steps"]["deploy"]["url"]
    photo = next((place / "photos" / "daisy").iterdir())
    request = Request(f"{url}/score", photo.read_bytes(), {"Content-Type": "image/jpeg"})
    with urlopen(request, timeout=10) as answer:
        body = json.load(answer)
    assert body["label"] in ("daisy", "roses")
    assert sum(body["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert body["model"]["version"] == 1
    assert body["dataset"]["digest"] == first_run["steps"]["preprocess"]["processed"]["digest"]
    assert body["build_id"] == "4711"


def test_predict_gives_the_same_from_the_model_and_from_the_endpoint(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    photo = next((place / "photos" / "roses").iterdir())
    here = _ok(flowerops("predict", photo, "--json", cwd=place))["predictions"][0]
    there = _ok(flowerops("predict", photo, "--endpoint", "flowers", "--json", cwd=place))["predictions"][0]
    assert here["label"] == there["label"]
    assert here["probabilities"] == pytest.approx(there["probabilities"], abs=1e-6)


def test_smoketest_passes_and_writes_junit(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    document = _ok(flowerops("smoketest", "--junit", "smoke.xml", "--json", cwd=place))
    assert document["passed"] is True
    assert len(document["checks"]) >= 8
    assert "<testsuite" in (place / "smoke.xml").read_text()


def test_a_smoke_test_with_the_wrong_class_exits_10(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    photo = next((place / "photos" / "roses").iterdir())
    outcome = flowerops("smoketest", "--images", photo, "--classes", "orchids", "--json", cwd=place)
    assert outcome.code == 10
    assert outcome.document["error"]["code"] == "smoke_test_failed"


def test_the_same_photos_again_are_nothing_new(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    again = _ok(flowerops("preprocess", "--data-folder", "photos", "--image-size", "48", "--json", cwd=place))
    assert again["reused"] is True
    assert again["raw"]["version"] == 1
    assert again["decoded"] == 0


def test_registering_the_same_run_again_gives_the_same_version(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    document = _ok(flowerops("register", "--run", first_run["run_id"], "--json", cwd=place))
    assert document["existed"] is True
    assert document["model"] == first_run["steps"]["register"]["model"]


def test_evaluate_takes_any_labelled_folder(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    document = _ok(flowerops("evaluate", "--model", "flower_classifier", "--data-folder", "new", "--json", cwd=place))
    assert document["n"] == 28
    assert document["decision"] is None
    assert Path(document["report"]).read_text().startswith("<!doctype html>".upper()[:2])


def test_new_photos_become_the_next_version_and_the_lineage_names_it(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    trained = _ok(flowerops("train", "--data-folder", "new", "--params", TINY, "--json", cwd=place))
    assert trained["dataset"]["name"] == "flowers"
    assert trained["dataset"]["version"] == 2
    evaluated = _ok(flowerops("evaluate", "--run", trained["run_id"], "--json", cwd=place))
    assert evaluated["decision"]["outcome"] in ("promoted", "inconclusive", "rejected")
    registered = flowerops("register", "--run", trained["run_id"], "--json", cwd=place)
    if evaluated["decision"]["outcome"] == "rejected":
        assert registered.code == 4
        reason = ("--force", "--reason", "the test wants its lineage")
        registered = flowerops("register", "--run", trained["run_id"], *reason, "--json", cwd=place)
    assert registered.document["model"]["version"] == 2
    elsewhere = _ok(flowerops("register", "--run", trained["run_id"], "--name", "another", "--json", cwd=place))
    assert elsewhere["model"]["version"] == 1
    assert elsewhere["decision"]["outcome"] == "first"
    unrelated = _ok(flowerops("evaluate", "--run", trained["run_id"], "--name", "nobody", "--json", cwd=place))
    assert unrelated["comparison"] is None
    lineage = _ok(flowerops("lineage", "flower_classifier:2", "--json", cwd=place))
    assert "dataset:flowers:2" in {node["id"] for node in lineage["nodes"]}
    photo = next((place / "new").glob("*/*"))
    reached = _ok(flowerops("lineage", "--image", photo, "--json", cwd=place))
    assert {f"{one['name']}:{one['version']}" for one in reached["models"]} == {"flower_classifier:2", "another:1"}


def test_lineage_is_drawn_and_told_to_catalogs(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    assert flowerops("lineage", "--build", "4711", "--html", "lineage.html", cwd=place).code == 0
    page = (place / "lineage.html").read_text()
    assert "flower_classifier:1" in page
    assert "http" not in page.replace("http-equiv", "").replace(first_run["steps"]["register"]["tags"]["BuildUri"], "")
    drawn = flowerops("lineage", "flower_classifier:1", "--mermaid", cwd=place).stdout
    assert drawn.startswith("flowchart LR\n")
    told = flowerops("lineage", "flower_classifier:1", "--openlineage", cwd=place).stdout
    jobs = {json.loads(line)["job"]["name"]: json.loads(line) for line in told.splitlines()}
    assert set(jobs) >= {"preprocess", "train", "evaluate"}
    assert jobs["preprocess"]["inputs"][0]["name"] == "flowers"
    both = flowerops("lineage", "flower_classifier", "--dataset", "flowers:1", cwd=place)
    assert both.code == 2


def test_a_second_deploy_keeps_the_first_for_a_rollback(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    second = _ok(flowerops("deploy", "--model", "flower_classifier:1", "--json", cwd=place))
    assert second["deployment"] != first_run["steps"]["deploy"]["deployment"]
    assert second["url"] == first_run["steps"]["deploy"]["url"]
    listed = _ok(flowerops("deployments", "list", "--json", cwd=place))["items"][0]
    assert {one["role"] for one in listed["deployments"]} == {"active", "previous"}
    back = _ok(flowerops("deployments", "rollback", "--json", cwd=place))
    assert back["active"] == first_run["steps"]["deploy"]["deployment"]
    assert _ok(flowerops("smoketest", "--json", cwd=place))["passed"] is True


def test_a_taken_port_is_a_conflict_and_nothing_is_started(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        outcome = flowerops("deploy", "--endpoint", "second", "--port", port, "--json", cwd=place)
    assert outcome.code == 6
    assert port in outcome.document["error"]["message"]


def test_dry_runs_change_nothing(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    before = _ok(flowerops("data", "list", "--json", cwd=place))
    for arguments in (
        ["preprocess", "--data-folder", "new", "--dataset", "other"],
        ["train"],
        ["run"],
        ["register", "--run", first_run["run_id"]],
        ["deploy"],
        ["evaluate"],
        ["deployments", "stop"],
        ["demo"],
        ["ui"],
    ):
        _ok(flowerops(*arguments, "--dry-run", "--json", cwd=place))
    assert _ok(flowerops("data", "list", "--json", cwd=place)) == before
    assert _ok(flowerops("smoketest", "--json", cwd=place))["passed"] is True


def test_a_changed_bundle_is_not_deployed(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    shown = _ok(flowerops("models", "show", "flower_classifier:1", "--json", cwd=place))
    labels = Path(shown["bundle"]) / "bundle.json"
    kept = labels.read_bytes()
    labels.write_bytes(kept.replace(b"daisy", b"lilly"))
    try:
        outcome = flowerops("deploy", "--model", "flower_classifier:1", "--json", cwd=place)
    finally:
        labels.write_bytes(kept)
    assert outcome.code == 5
    assert "bundle.json" in outcome.document["error"]["message"]
    assert _ok(flowerops("smoketest", "--json", cwd=place))["passed"] is True


def test_deployments_stop_stops_and_logs_remain(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    assert "flower_classifier" in flowerops("deployments", "list", cwd=place).stdout
    assert _ok(flowerops("deployments", "logs", "--json", cwd=place))["lines"]
    _ok(flowerops("deployments", "stop", "--json", cwd=place))
    outcome = flowerops("smoketest", cwd=place)
    assert outcome.code == 10
    assert "serves nothing" in outcome.stderr
    _ok(flowerops("deploy", "--json", cwd=place))


def test_the_home_holds_no_temporary_files(place: Path, first_run: dict) -> None:  # type: ignore[type-arg]
    assert list((place / ".flowerops").rglob(".tmp-*")) == []
