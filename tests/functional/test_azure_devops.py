"""A project made by `init`, and the script steps of its pipelines 02 to 04 as an agent of Azure DevOps runs them."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from helpers import warm_start
from helpers.azure_pipelines import Agent, Ran
from helpers.command import clean_environment, flowerops
from helpers.inference import require_serve_environment
from helpers.photos import make_photos

if TYPE_CHECKING:
    from azure_emulator import Emulator

pytestmark = pytest.mark.timeout(900)  # the first test waits for the whole lifecycle, on whatever else the machine does

TINY = {"preprocessing": {"image_size": 44}, "training": {"backbone": "cnn", "epochs": 1}}
GROUP = {"PARAMS_FILE": "params.json"}
GATE = '{"max_recall_drop": 1.0}'
"""Networks after an epoch on a few drawings are no champions; what is looked at here is how they travel."""


@dataclass
class Project:
    """A folder after `init`, and the machine that runs its pipelines."""

    folder: Path
    agent: Agent

    def run(self, number: str, build_id: str, reason: str = "Manual", **more: Any) -> Ran:
        (path,) = (self.folder / "pipelines/azure-devops").glob(f"{number}-*.yml")
        group = {**GROUP, **more.pop("group", {})}
        return self.agent.run(path, build_id, reason, group=group, **more)

    def ask(self, *arguments: str) -> dict[str, Any]:
        outcome = flowerops(*arguments, "--json", cwd=self.folder, env=self.agent.commands)
        assert outcome.code == 0, outcome.stdout + outcome.stderr
        return outcome.document


def document(ran: Ran, artifact: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ran.artifacts[artifact] / name).read_text())
    return found


def make_project(place: Path, env: dict[str, str], *options: str) -> Project:
    folder = place / "project"
    folder.mkdir()
    outcome = flowerops("init", "--ci", "azure-devops", "--yes", *options, "--json", cwd=folder)
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    assert {file["action"] for file in outcome.document["files"]} == {"created"}
    make_photos(folder / "photos", per_class=10, seed=31)
    (folder / "params.json").write_text(json.dumps(TINY))
    shim = warm_start.shim(place / "bin")
    variables = {**clean_environment(**env), "PATH": f"{shim}:{os.environ['PATH']}", "FLOWEROPS_GATE": GATE}
    agent = Agent(folder, place / "agent", variables)
    agent.commands = {**env, "FLOWEROPS_GATE": GATE, "FLOWEROPS_HOME": str(place / "agent/flowerops")}
    return Project(folder, agent)


def deploy_from_photos(project: Project) -> tuple[Ran, Ran, Ran]:
    """02, what it triggers, and what that triggers."""
    data = project.run("02", "201", reason="IndividualCI")
    assert (data.result, data.tags) == ("succeeded", {"dataset"}), data.log
    training = project.run("03", "202", reason="ResourceTrigger")
    assert (training.result, training.tags) == ("succeeded", {"champion"}), training.log
    deployment = project.run("04", "203", reason="ResourceTrigger")
    assert deployment.result == "succeeded", deployment.log
    return data, training, deployment


# --- on this machine ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    project = make_project(tmp_path_factory.mktemp("devops"), {"FLOWEROPS_PORT": port})
    yield project
    flowerops("deployments", "stop", cwd=project.folder, env=project.agent.commands)


@pytest.fixture(scope="module")
def ran(here: Project) -> tuple[Ran, Ran, Ran]:
    return deploy_from_photos(here)


def test_photos_become_an_endpoint_step_by_step(here: Project, ran: tuple[Ran, Ran, Ran]) -> None:
    data, training, deployment = ran
    assert document(data, "dataset", "preprocess.json")["raw"]["version"] == 1
    assert document(training, "report", "train.json")["dataset"]["version"] == 1
    registered = document(training, "model", "register.json")
    deployed = document(deployment, "deployment", "deploy.json")
    assert deployed["model"] == registered["model"]
    assert document(deployment, "deployment", "smoketest.json")["passed"] is True


def test_results_are_published(ran: tuple[Ran, Ran, Ran]) -> None:
    _, training, deployment = ran
    report = training.artifacts["report"]
    assert (report / "report.html").read_text().lower().startswith("<!doctype html>")
    (summary,) = training.summaries
    assert "accuracy" in summary.read_text().lower()
    (tests,) = deployment.tests
    assert int(ElementTree.parse(tests).getroot().attrib.get("failures", 0)) == 0


def test_lineage_names_the_build_that_trained(here: Project, ran: tuple[Ran, Ran, Ran]) -> None:
    _, training, _ = ran
    tags = document(training, "model", "register.json")["tags"]
    assert tags["BuildId"] == "202"
    assert tags["BuildUri"] == "https://dev.azure.com/garden/flowers/_build/results?buildId=202"
    lineage = here.ask("lineage", "flower_classifier")
    builds = {node["id"] for node in lineage["nodes"] if node["kind"] == "build"}
    assert "build:202" in builds


def test_the_scoring_image_is_made_of_the_version_that_was_handed_over(
    here: Project, ran: tuple[Ran, Ran, Ran]
) -> None:
    packaged = here.run("05", "204", reason="ResourceTrigger")
    assert packaged.result == "succeeded", packaged.log
    context = packaged.artifacts["image"]
    assert (context / "Dockerfile").is_file()
    assert json.loads((here.agent.place / "204/temp/package.json").read_text())["model"]["version"] == 1
    assert packaged.tasks[-2:] == ["Docker@2 build", "Docker@2 push"]


def test_switched_off_it_does_not_start_by_itself_but_by_hand(here: Project) -> None:
    switched = {"auto-preprocess-data": "false", "auto-trigger-training": "false"}
    for number, build_id in (("02", "205"), ("03", "206")):
        quiet = here.run(number, build_id, reason="IndividualCI", group=switched)
        assert (quiet.log, quiet.artifacts) == ("", {})
    by_hand = here.run("02", "207", reason="Manual", group=switched, parameters={"dataFolder": "none"})
    assert document(by_hand, "dataset", "preprocess.json")["reused"] is True


def test_a_failed_smoke_test_gives_the_traffic_back(here: Project, ran: tuple[Ran, Ran, Ran]) -> None:
    before = here.ask("deployments", "list")["items"][0]["deployments"]
    wrong = {"TEST_IMAGE_URLS": str(next((here.folder / "photos/daisy").iterdir())), "TEST_IMAGE_CLASSES": "orchids"}
    here.agent.runs["03-train-evaluate-register"] = ran[1]
    deployment = here.run("04", "209", group=wrong)
    assert deployment.result == "failed"
    assert "flowerops deployments rollback" in deployment.log
    assert deployment.tests, "the smoke test's result is published all the same"
    after = here.ask("deployments", "list")["items"][0]["deployments"]
    serving = [one["model"] for one in before if one["role"] == "active"]
    assert [one["model"] for one in after if one["role"] == "active"] == serving


# --- in a workspace -------------------------------------------------------------------------------------------------


def test_the_same_pipelines_work_in_a_workspace(azure: Emulator, tmp_path: Path) -> None:
    require_serve_environment()
    env = {**azure.environment(), "FLOWEROPS_COMPUTE": "serverless"}
    names = ("--dataset", "orchard", "--model", "orchard_classifier", "--endpoint", "orchard")
    place = [f"--{option}={env[name]}" for option, name in (("subscription", "SUBSCRIPTION_ID"),
             ("resource-group", "RESOURCE_GROUP"), ("workspace", "WORKSPACE_NAME"))]  # fmt: skip
    project = make_project(tmp_path, env, "--target", "azureml", *names, *place)
    _, training, deployment = deploy_from_photos(project)
    registered = document(training, "model", "register.json")
    assert registered["model"]["name"] == "orchard_classifier"
    assert document(deployment, "deployment", "deploy.json")["model"] == registered["model"]
    assert registered["tags"]["BuildId"] == "202"
    lineage = project.ask("lineage", "orchard_classifier")
    assert "build:202" in {node["id"] for node in lineage["nodes"] if node["kind"] == "build"}
    project.ask("deployments", "delete", "orchard")
