"""From a dataset version to a registered model, its runs and its lineage, the same on every target."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowerops.domain.dataset import ROWS_FILE
from flowerops.domain.names import Selector
from flowerops.domain.params import EvaluateParams, GatePolicy, RegisterParams, TrainParams
from flowerops.domain.steps import BUNDLE_DIR, OUTPUT_MANIFEST
from flowerops.errors import BadInputError, GateRejectedError, StoreIntegrityError, UsageError
from flowerops.io.hashing import sha256_bytes, verify_seal
from flowerops.services import reach
from flowerops.services import runs as runs_service
from flowerops.services.evaluate import Evaluated, EvaluateRequest, evaluate
from flowerops.services.explain import ExplainRequest, explain
from flowerops.services.lineage import lineage_of
from flowerops.services.pipeline import begin
from flowerops.services.register import Registered, RegisterRequest, register
from flowerops.services.train import TRAINED, Trained, TrainRequest, resolve, train
from flowerops.services.verify_lineage import refuse_broken, verify_lineage
from flowerops.targets.protocol import Run
from helpers.both_targets import Place, Registry, overwrite
from helpers.lineage import normalised
from helpers.photos import make_photos

GOLDEN_LINEAGE = Path(__file__).with_name("golden_lineage.json")
TINY = TrainParams(backbone="cnn", epochs=1)


@dataclass
class Lifecycle:
    """A model, and everything that it came from."""

    place: Place
    dataset: str
    model: str
    experiment: str
    trained: Trained
    evaluated: Evaluated
    registered: Registered
    run: Run


def evaluation(
    champion_of: str, run_id: str | None = None, model: Selector | None = None, folder: Path | None = None
) -> EvaluateRequest:
    params = EvaluateParams(bootstrap_samples=100)
    return EvaluateRequest(run_id, model, folder, champion_of, params, GatePolicy())


@pytest.fixture(scope="module")
def made(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """One trained run, evaluated and registered."""
    folder = tmp_path_factory.mktemp("photos")
    make_photos(folder, per_class=10)
    dataset, model, experiment = place.fresh("flowers"), place.fresh("model"), place.fresh("experiment")
    place.prepare(folder, dataset)
    with begin(place.target, place.caller, experiment, "train") as pipeline:
        request = TrainRequest(None, Selector(dataset), TINY, None)
        trained = train(pipeline, resolve(pipeline, request), TINY)
    evaluated = evaluate(place.target, evaluation(model, trained.run_id), place.caller)
    registered = register(place.target, registration(trained.run_id, model), place.caller)
    run = place.target.runs.find(trained.run_id)
    return Lifecycle(place, dataset, model, experiment, trained, evaluated, registered, run)


def registration(run_id: str, model: str, **policy: Any) -> RegisterRequest:
    return RegisterRequest(run_id, RegisterParams(name=model), GatePolicy(**policy))


# --- train, evaluate, register --------------------------------------------------------------------------------------


def test_what_each_step_says_has_the_same_members(made: Lifecycle) -> None:
    assert set(made.trained.document()) == {
        *("run_id", "experiment", "dataset", "processed", "classes", "metrics", "backbone", "bundle", "features"),
        *("resumed", "seconds", "synthetic", "tensorboard", "quantized", "cost", "tuning"),
    }
    assert set(made.evaluated.document()) == {
        *("run_id", "dataset", "n", "metrics", "comparison", "decision", "report", "synthetic", "seconds"),
        *("slices", "cost", "summary", "predictions"),
    }
    assert set(made.registered.document()) == {
        *("model", "champion", "decision", "existed", "run_id", "tags"),
    }


def test_the_bundle_is_sealed_and_knows_its_data_and_run(made: Lifecycle) -> None:
    bundle = made.trained.bundle
    assert verify_seal(bundle) == made.trained.document()["bundle"]["digest"] == made.registered.model.digest
    assert made.trained.document()["dataset"]["version"] == 1
    assert made.trained.experiment == made.run.experiment == made.experiment
    assert made.trained.manifest.provenance.run is not None
    assert made.trained.manifest.provenance.run.id == made.trained.run_id


def test_the_first_candidate_is_the_champion(made: Lifecycle) -> None:
    document = made.registered.document()
    assert (document["model"]["version"], document["champion"], document["existed"]) == (1, True, False)
    assert document["decision"]["outcome"] == made.evaluated.document()["decision"]["outcome"] == "first"
    tags = document["tags"]
    assert (tags["dataset_id"], tags["processed_id"]) == (f"{made.dataset}:1", f"{made.dataset}_processed:1")
    assert (tags["BuildId"], tags["run_id"]) == ("tester@laptop", made.trained.run_id)
    assert tags["experiment_name"] == made.experiment
    assert tags["gate_policy"] == "defaults"


def test_registering_the_run_again_gives_the_same_version(made: Lifecycle) -> None:
    again = register(made.place.target, registration(made.trained.run_id, made.model), made.place.caller)
    assert again.existed
    assert again.document()["model"] == made.registered.document()["model"]
    assert len(made.place.target.models.versions(made.model)) == 1


def test_the_gate_keeps_a_candidate_out_of_the_registry(made: Lifecycle) -> None:
    model, target = made.place.fresh("strict"), made.place.target
    with pytest.raises(GateRejectedError) as caught:
        register(target, registration(made.trained.run_id, model, min_test_images=1000), made.place.caller)
    assert caught.value.exit_code == 4
    assert target.models.versions(model) == []


def test_force_goes_past_the_gate_with_a_reason_only(made: Lifecycle) -> None:
    model, target = made.place.fresh("forced"), made.place.target
    forced = RegisterParams(name=model, force=True)
    strict = GatePolicy(min_test_images=1000)
    with pytest.raises(UsageError):
        register(target, RegisterRequest(made.trained.run_id, forced, strict), made.place.caller)
    because = forced.model_copy(update={"reason": "the test wants it"})
    done = register(target, RegisterRequest(made.trained.run_id, because, strict), made.place.caller)
    assert done.model.champion
    assert done.model.tags["forced_reason"] == "the test wants it"
    assert done.model.tags["gate_policy"] == '{"min_test_images":1000}'
    assert done.model.tags["outcome"] == "rejected"
    assert done.model.tags["forced_at"].startswith("20")


def test_an_evaluation_leaves_the_summary_and_every_prediction_beside_the_report(made: Lifecycle) -> None:
    document = made.evaluated.document()
    lines = Path(document["predictions"]).read_text().splitlines()
    assert lines[0] == "path,true,predicted,right,confidence,sha256,p_daisy,p_roses"
    assert len(lines) == document["n"] + 1
    assert Path(document["summary"]).read_text().startswith("## Evaluation of run")
    assert document["cost"]["bundle_bytes"] > document["cost"]["model_bytes"] > 0


def test_a_cap_on_latency_is_held_against_what_was_measured(made: Lifecycle) -> None:
    with pytest.raises(GateRejectedError) as caught:
        register(
            made.place.target,
            registration(made.trained.run_id, made.place.fresh("slow"), max_latency_ms=1e-6),
            made.place.caller,
        )
    assert "above the cap" in caught.value.message


def test_a_model_explains_its_answer(made: Lifecycle, tmp_path: Path) -> None:
    paths = make_photos(tmp_path / "photos", per_class=1)["roses"]
    request = ExplainRequest(Selector(made.model), paths, tmp_path / "why.png", cells=2)
    said = explain(made.place.target, request, made.place.told)["explanations"][0]
    assert (tmp_path / "why.png").is_file()
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_a_registered_model_is_scored_on_any_folder(made: Lifecycle, tmp_path: Path) -> None:
    make_photos(tmp_path / "new", per_class=2, seed=5)
    request = evaluation(made.model, None, Selector(made.model, 1), tmp_path / "new")
    found = evaluate(made.place.target, request, made.place.caller)
    document = found.document()
    assert (document["model"], document["n"], document["decision"]) == (f"{made.model}:1", 4, None)
    assert found.report.is_file()


# --- lineage --------------------------------------------------------------------------------------------------------


def test_lineage_leads_from_the_model_to_photos_and_build(made: Lifecycle) -> None:
    document = lineage_of(made.place.target, Selector(made.model, 1)).document()
    assert set(document) == {"model", "root", "nodes", "edges"}
    nodes = {node["id"]: node for node in document["nodes"]}
    assert not any(node.get("missing") for node in nodes.values())
    kinds = {(nodes[a]["kind"], relation, nodes[b]["kind"]) for a, b, relation in document["edges"]}
    assert kinds == {
        ("model", "tracked in", "experiment"),
        ("experiment", "has the run", "run"),
        ("run", "ran", "step"),
        ("run", "started by", "build"),
        ("step", "read", "dataset"),
        ("dataset", "made from", "dataset"),
    }
    steps = {node["name"].split()[0] for node in nodes.values() if node["kind"] == "step"}
    assert steps == {"evaluate", "register", "train"}
    assert {f"dataset:{made.dataset}:1", f"dataset:{made.dataset}_processed:1"} <= nodes.keys()
    members = {node["kind"]: set(node) for node in nodes.values()}
    assert members["run"] == {"id", "kind", "name", "status", "run_type"}
    assert members["step"] == {"id", "kind", "name", "run_id", "status", "seconds", "ended"}


def test_lineage_is_the_same_document_on_every_target(made: Lifecycle) -> None:
    document = lineage_of(made.place.target, Selector(made.model, 1)).document()
    names = {made.dataset: "DATASET", made.model: "MODEL", made.experiment: "EXPERIMENT", made.run.id: "RUN"}
    assert normalised(document, names) == json.loads(GOLDEN_LINEAGE.read_text(encoding="utf-8"))


def test_every_link_of_the_lineage_is_computed_again(made: Lifecycle) -> None:
    found = verify_lineage(made.place.target, Selector(made.model, 1), made.place.told)
    assert {link.status for link in found.links} == {"ok"}
    run, data = made.run.id, f"dataset {made.dataset}"
    assert {(link.relation, link.target) for link in found.links} >= {
        ("has the bundle", f"bundle {made.registered.model.digest[:12]}"),
        ("came of", f"run {run}"),
        ("ran", f"train step of run {run}"),
        ("ran", f"evaluate step of run {run}"),
        ("was trained on", f"{data}_processed:1"),
        ("holds", f"images of {made.dataset}_processed:1"),
        ("was made from", f"{data}:1"),
        ("holds", f"photos of {made.dataset}:1"),
    }
    assert found.checked > 20 + 20
    refuse_broken(found)


def test_a_broken_link_is_named(made: Lifecycle) -> None:
    target = made.place.target
    rows = target.datasets.entries(made.dataset)[0].folder / ROWS_FILE
    kept = rows.read_bytes()
    overwrite(made.place, rows, kept.replace(b"daisy", b"poppy", 1))
    found = verify_lineage(target, Selector(made.model, 1), made.place.told)
    overwrite(made.place, rows, kept)
    (broken,) = found.having("broken")
    assert (broken.source, broken.target) == (f"dataset {made.dataset}:1", f"rows of {made.dataset}:1")
    assert broken.expected == sha256_bytes(kept) != broken.got
    with pytest.raises(StoreIntegrityError, match=f"1 broken link.*{made.dataset}:1"):
        refuse_broken(found)
    assert verify_lineage(target, Selector(made.model, 1), made.place.told).having("broken") == []


def test_a_missing_link_is_shown_as_missing_and_is_no_failure(registry: Registry) -> None:
    found = verify_lineage(registry.place.target, Selector(registry.name, 1), registry.place.told)
    assert [(link.relation, link.target, link.status) for link in found.links] == [
        ("has the bundle", found.links[0].target, "ok"),
        ("came of", "run run-1", "missing"),
        ("was trained on", "dataset tiny:1", "missing"),
    ]
    refuse_broken(found)


def test_lineage_backwards_finds_the_models_that_data_a_photo_or_a_build_reached(made: Lifecycle) -> None:
    target = made.place.target
    of_data = reach.of_dataset(target, Selector(made.dataset, 1)).document()
    mine = [one for one in of_data["models"] if one["name"] == made.model]
    assert {one["how"] for one in mine} == {"made of it"}
    assert sum(mine[0]["images"].values()) == 20
    assert not any(one.startswith(f"{made.model}:") for one in of_data["unknown"])  # of other tests' models it may be
    photo = next(made.trained.raw.folder.glob("files.jsonl")).read_text().splitlines()[0]
    sha256 = json.loads(photo)["sha256"]
    of_photo = reach.of_image(target, sha256[:12]).document()
    assert of_photo["asked"]["image"] == sha256
    assert f"{made.dataset}:1" in of_photo["asked"]["paths"]
    (found,) = (one for one in of_photo["models"] if (one["name"], one["version"]) == (made.model, 1))
    assert list(found["images"].values()) == [1]
    of_build = reach.of_build(target, "tester@laptop")
    assert made.model in {one.lineage.model.name for one in of_build.reached}
    assert f"model:{made.model}:1" in {node.id for node in of_build.graph.nodes()}
    assert reach.of_build(target, "nobody's").document()["models"] == []
    with pytest.raises(BadInputError, match="no dataset version here has the photo"):
        reach.of_image(target, "0" * 64)


# --- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_its_id_and_by_its_tags(made: Lifecycle) -> None:
    runs = made.place.target.runs
    assert (made.run.status, made.run.tags["run_type"]) == ("FINISHED", "train")
    assert [step.name for step in made.run.steps] == ["train", "evaluate", "register"]
    assert {step.status for step in made.run.steps} == {"FINISHED"}
    latest = runs.latest({TRAINED: "true", "experiment_name": made.experiment})
    assert latest is not None
    assert latest.id == made.trained.run_id
    assert runs.latest({"experiment_name": "nobody's"}) is None
    with pytest.raises(BadInputError, match="there is no run 'nobody'"):
        runs.find("nobody")


def test_runs_are_listed_newest_first_and_by_experiment(made: Lifecycle) -> None:
    runs = made.place.target.runs
    assert {run.experiment for run in runs.all(5, made.experiment)} == {made.experiment}
    assert runs.all(5, made.experiment)[-1].id == made.trained.run_id
    everything = runs.all()
    assert [run.started_ms for run in everything] == sorted((run.started_ms for run in everything), reverse=True)
    assert len(runs.all(1)) == 1


def test_a_run_is_shown_with_the_same_members(made: Lifecycle) -> None:
    shown = runs_service.show_run(made.place.target, made.trained.run_id)
    line = {
        *("id", "experiment", "name", "run_type", "status", "abandoned", "started", "ended", "seconds", "dataset"),
        *("build_id", "steps"),
    }
    assert set(runs_service.list_runs(made.place.target, 1)[0]) == line
    assert set(shown) == line | {"params", "metrics", "tags"}
    assert (shown["dataset"], shown["build_id"]) == (f"{made.dataset}:1", "tester@laptop")
    assert not any(name.startswith("flowerops.") for name in shown["tags"])
    trained = next(step for step in shown["steps"] if step["name"] == "train")
    assert 0 <= trained["metrics"]["val_accuracy"] <= 1
    assert trained["params"]["backbone"] == "cnn"


def test_a_steps_output_is_its_folder(made: Lifecycle) -> None:
    output = made.place.target.runs.output(made.run, "train")
    assert output is not None
    assert (output.folder / OUTPUT_MANIFEST).is_file()
    assert verify_seal(output.folder / BUNDLE_DIR) == made.registered.model.digest
    assert made.place.target.runs.output(made.run, "preprocess") is None


def test_logs_are_lines_of_steps(made: Lifecycle) -> None:
    runs = made.place.target.runs
    lines = list(runs.logs(made.trained.run_id, "train"))
    assert {line.step for line in lines} == {"train"}
    assert any("epoch" in line.text for line in lines)
    assert {"train", "evaluate"} <= {line.step for line in runs.logs(made.trained.run_id)}
    with pytest.raises(BadInputError, match="has no step 'bake'"):
        list(runs.logs(made.trained.run_id, "bake"))


def test_waiting_for_a_run_that_ended_gives_it_at_once(made: Lifecycle) -> None:
    began = time.monotonic()
    assert runs_service.wait_for(made.place.target, made.trained.run_id, made.place.told).status == "FINISHED"
    assert time.monotonic() - began < 5


def test_a_run_that_ended_cannot_be_cancelled_any_more(made: Lifecycle) -> None:
    run, was_going_on = runs_service.cancel(made.place.target, made.trained.run_id)
    assert (run.status, was_going_on) == ("FINISHED", False)
