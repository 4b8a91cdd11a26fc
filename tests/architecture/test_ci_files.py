"""The pipelines of the CI systems: valid, without undefined names, and calling flowerops as it is."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowerops.settings import PREFIX, Settings
from helpers import azure_pipelines
from helpers.command_lines import parse
from helpers.stub_tools import DOCUMENT, Stubs
from helpers.workflows import Script, github_scripts, gitlab_scripts, read_gitlab

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
AZURE = [
    *sorted((PIPELINES / "azure-devops").glob("0*.yml")),
    *sorted((PIPELINES / "azure-devops/project").glob("*.yml")),
]
GITHUB = sorted((PIPELINES / "github").rglob("workflows/*.yml"))
GITLAB = PIPELINES / "gitlab/.gitlab-ci.yml"
LIFECYCLE = PIPELINES / "shell/lifecycle.sh"
FLOW = ["00", "01", "02", "03", "04", "05"]

# Source: Azure Pipelines "Use predefined variables".
PREDEFINED = {
    "Agent.TempDirectory",
    "Agent.WorkFolder",
    "Build.ArtifactStagingDirectory",
    "Build.BuildId",
    "Build.Reason",
    "Build.SourceBranch",
    "Build.SourcesDirectory",
    "Common.TestResultsDirectory",
    "Pipeline.Workspace",
    "System.TeamProject",
    "resources.pipeline.training.pipelineID",
}
RUN_NUMBER = {"Date:yyyyMMdd", "Rev:.r"}
OPT_OUTS = {"auto-preprocess-data", "auto-trigger-training"}
"""Defined by whoever wants them; undefined means yes."""
WITHOUT_A_FORM = {"PublishCodeCoverageResults@2"}
"""The schema names this task, but does not say what its inputs are, and so takes none."""
SET_BY_STEPS = {"registered", "deployed"}


def _azure(path: Path, **parameters: str) -> azure_pipelines.Pipeline:
    """A pipeline; what only projects have will lie where flowerops' own is."""
    return azure_pipelines.load(path, parameters, PIPELINES / "azure-devops")


def _variants(path: Path) -> Iterator[azure_pipelines.Pipeline]:
    """A pipeline with its parameters as they are by default, and as they can be."""
    yield _azure(path)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    other = {"dataFolder": "none", "mode": "refuse", "artifactBuildId": "4711"}
    given = {one["name"]: other[one["name"]] for one in document.get("parameters", []) if one["name"] in other}
    if given:
        yield _azure(path, **given)


# --- the public schemas ---------------------------------------------------------------------------------------------


def _schema(name: str) -> dict[str, Any]:
    place = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    schema: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return schema


def _problems(name: str, document: Any) -> list[str]:
    import jsonschema

    validator = jsonschema.validators.validator_for(_schema(name))(_schema(name))
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def _as_the_service_reads(node: Any) -> Any:
    """Azure Pipelines takes every plain value for a text, and so does its schema, but for the inputs of tasks."""
    if isinstance(node, dict):
        return {str(key): value if key == "inputs" else _as_the_service_reads(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_as_the_service_reads(one) for one in node]
    return str(node).lower() if isinstance(node, bool) else str(node)


@pytest.mark.parametrize("path", AZURE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_azure_pipelines_are_valid(path: Path) -> None:
    for pipeline in _variants(path):
        for job in pipeline.jobs:
            if "steps" in job:
                job["steps"] = [step for step in job["steps"] if step.get("task") not in WITHOUT_A_FORM]
        document = {key: value for key, value in pipeline.document.items() if key not in {"jobs", "pool"}}
        document |= {"jobs": pipeline.jobs, "pool": {"vmImage": "ubuntu-24.04"}}
        assert _problems("azure-pipelines", _as_the_service_reads(document)) == []


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.name)
def test_github_workflows_are_valid(path: Path) -> None:
    document = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # so that `on` stays a text
    typed = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (
        _problems("github-workflows", {**{key: typed[key] for key in document if key != "on"}, "on": typed[True]}) == []
    )


def test_the_github_action_is_valid() -> None:
    for path in (PIPELINES / "github/actions").rglob("action.yml"):
        assert _problems("github-actions", yaml.safe_load(path.read_text(encoding="utf-8"))) == []


def test_the_gitlab_file_is_valid() -> None:
    text = json.dumps(read_gitlab(GITLAB))
    document = json.loads(re.sub(r'\["!reference", [^\]]*\]', '"true"', text))
    assert _problems("gitlab-ci", document) == []


def test_a_mistake_is_found() -> None:
    pipeline = _azure(AZURE[2])
    wrong = {"jobs": [{**pipeline.jobs[0], "stepz": []}]}
    assert _problems("azure-pipelines", _as_the_service_reads(wrong)) != []
    assert _problems("github-workflows", {"on": "push", "jobs": {"a": {"runs-on": "x", "stepz": []}}}) != []


def test_no_workflow_does_what_auditors_warn_of(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(PIPELINES / "github", tmp_path / ".github", ignore=shutil.ignore_patterns("project"))
    shutil.copytree(PIPELINES / "github/project", tmp_path / "project/.github")
    tool = Path(__import__("sys").executable).with_name("zizmor")
    done = subprocess.run(
        [tool, "--offline", "--no-progress", "--min-severity", "medium", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", AZURE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_variable_is_defined(path: Path) -> None:
    for pipeline in _variants(path):
        known = {name.lower() for name in {*pipeline.variables, *PREDEFINED, *RUN_NUMBER}}
        text = json.dumps([pipeline.jobs, pipeline.document.get("name"), list(pipeline.variables.values())])
        used = set(re.findall(r"\$\(([A-Za-z][\w.:-]*)\)", text))
        assert {name for name in used if name.lower() not in known} == set()
        in_conditions = set(re.findall(r"variables\[\\?'([^']+?)\\?'\]", text))
        assert in_conditions <= {*PREDEFINED, *OPT_OUTS, *SET_BY_STEPS, *pipeline.variables}


def test_what_is_read_before_the_group_is_in_the_template() -> None:
    template = yaml.safe_load((PIPELINES / "azure-devops/variables-template.yml").read_text())["variables"]
    for path in (PIPELINES / "azure-devops").rglob("*.yml"):
        for expression in re.findall(r"\$\{\{(.*?)\}\}", path.read_text(encoding="utf-8")):
            for name in re.findall(r"variables\.(\w+)", expression):
                assert name in template, f"{path.name}: {name}"


def test_the_group_wins_over_the_template() -> None:
    for path in AZURE:
        listed = yaml.safe_load(path.read_text(encoding="utf-8")).get("variables")
        if listed is not None and path.parent.name != "project":
            assert [next(iter(one)) for one in listed] == ["template", "group"], path.name


def test_variables_of_the_template_are_settings_or_of_the_pipelines() -> None:
    """A misspelt name of a setting would be ignored without a word."""
    template = yaml.safe_load((PIPELINES / "azure-devops/variables-template.yml").read_text())["variables"]
    settings = {str(alias) for field in Settings.model_fields.values() for alias in field.validation_alias.choices}  # type: ignore[union-attr]
    text = "".join(path.read_text() for path in (PIPELINES / "azure-devops").rglob("0*.yml"))
    text += "".join(path.read_text() for path in (PIPELINES / "azure-devops/templates").glob("*.yml"))
    for name in template:
        assert name in settings or re.search(rf"\b{name}\b", text), f"{name} is used by nothing"
        assert not name.startswith(PREFIX) or name in settings


def test_old_names_of_variables_still_work() -> None:
    template = yaml.safe_load((PIPELINES / "azure-devops/variables-template.yml").read_text())["variables"]
    names = {"ACR_SVC_CONNECTION", "AML_COMPUTE_CLUSTER_NAME", "RESOURCE_GROUP", "WORKSPACE_NAME"}
    names |= {"WORKSPACE_SVC_CONNECTION", "ENDPOINT_NAME", "TEST_IMAGE_CLASSES", "TEST_IMAGE_URLS"}
    assert names <= template.keys()
    assert template["ENDPOINT_NAME"] == "", "else ACI_DEPLOYMENT_NAME of a variable group would lose against it"
    assert "ACI_DEPLOYMENT_NAME" in Settings.model_fields["endpoint"].validation_alias.choices  # type: ignore[union-attr]


def test_github_workflows_share_their_variables() -> None:
    found = {json.dumps(document["env"]) for document in map(_yaml, GITHUB) if "env" in document}
    assert len(found) == 1
    settings = {str(alias) for field in Settings.model_fields.values() for alias in field.validation_alias.choices}  # type: ignore[union-attr]
    assert set(json.loads(found.pop())) - settings == {"PARAMS_FILE"}


def _yaml(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def test_both_systems_have_the_same_flow() -> None:
    assert [path.name[:2] for path in (PIPELINES / "azure-devops").glob("0*.yml")].sort() == FLOW.sort()
    azure = {path.stem for path in (PIPELINES / "azure-devops").glob("0*.yml")}
    github = {path.stem.removeprefix("flowerops-") for path in (PIPELINES / "github/workflows").glob("*.yml")}
    assert azure == github
    assert sorted(name[:2] for name in azure) == FLOW


# --- what the scripts call ------------------------------------------------------------------------------------------


_FOLDERS = (
    *("Agent_TempDirectory", "Common_TestResultsDirectory"),
    *(f"Build_ArtifactStagingDirectory/{name}" for name in ("run", "model", "deployment")),
    *("Pipeline_Workspace/training/model", "Pipeline_Workspace/preprocess/dataset"),
    *("in/model", "in/dataset", "out/run", "out/model", "out/deployment", "out/plan", "out"),
)
"""What earlier steps have made, and artifacts that were taken over; each has the documents of all commands."""


def _scripts() -> list[Script]:
    """Every script of every pipeline, with the variables that it sees."""
    return [*_azure_scripts(), *_github_scripts(), *gitlab_scripts(GITLAB, {})]


def _azure_scripts() -> Iterator[Script]:
    for path in AZURE:
        for number, pipeline in enumerate(_variants(path)):
            for job, step in pipeline.steps():
                text = azure_pipelines.script_of(step)
                if text is not None:
                    names = {name for name in PREDEFINED if not name.startswith("resources")}
                    predefined = {re.sub(r"\W", "_", name).upper(): re.sub(r"\W", "_", name) for name in names}
                    env = {**predefined, **{name.upper(): value for name, value in pipeline.variables.items()}}
                    where = (
                        f"{path.parent.name}/{path.name}, {job.get('displayName')}, {step['displayName']} ({number})"
                    )
                    yield Script(where, text, {**env, **step.get("env", {})})


def _github_scripts() -> Iterator[Script]:
    everything = {"PARAMS_FILE": "params.json", "REGISTRY_NAME": "r", "FLOWEROPS_TARGET": "local"}
    for path in GITHUB:
        yield from github_scripts(path, {}, {"mode": "refuse", "data-folder": "none"})
        yield from github_scripts(path, everything, {"mode": "replace", "data-folder": "more"})


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """What every script calls, found out by letting bash run it with stubs in the place of the programs."""
    stubs = Stubs(tmp_path_factory.mktemp("stubs"))
    found = {}
    for script in _scripts():
        if "requirements.txt" in script.text:
            continue
        place = tmp_path_factory.mktemp("run")
        for folder in _FOLDERS:
            (place / folder).mkdir(parents=True, exist_ok=True)
            for name in ("train.json", "register.json", "preprocess.json"):
                (place / folder / name).write_text(json.dumps(DOCUMENT))
        made = stubs.run(script.text, place, script.env)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            for call in made:
                if call[0] == "flowerops":
                    parse(call[1:])
        found[script.where] = found.get(script.where, []) + made
    return found


def test_every_command_of_the_pipelines_parses(calls: dict[str, list[list[str]]]) -> None:
    """The fixture has parsed them; here it is looked at that it was not for nothing."""
    ours = [call for made in calls.values() for call in made if call[0] == "flowerops"]
    assert {call[1] for call in ours} >= {"preprocess", "train", "evaluate", "register", "deploy", "smoketest", "run"}
    assert len(ours) >= 40


def test_no_step_asks_for_the_latest_of_what_an_earlier_one_made(calls: dict[str, list[list[str]]]) -> None:
    for where, made in calls.items():
        for call in made:
            if call[0] == "flowerops" and call[1] in {"evaluate", "register", "deploy"}:
                option = "--model" if call[1] == "deploy" else "--run"
                assert call[call.index(option) + 1].startswith("@"), where


def test_training_takes_the_version_that_02_handed_over(calls: dict[str, list[list[str]]]) -> None:
    found = [call for made in calls.values() for call in made if call[:2] == ["flowerops", "train"]]
    assert found
    for call in found:
        assert call[call.index("--dataset") + 1].startswith("@")


REGISTERING = [script for script in [*_azure_scripts(), *_github_scripts()] if "flowerops register" in script.text]


@pytest.mark.parametrize("script", REGISTERING, ids=lambda one: one.where)
def test_a_gate_that_says_no_is_no_failure_and_hands_nothing_over(script: Script, tmp_path: Path) -> None:
    for folder in _FOLDERS:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    stubs = Stubs(tmp_path / "stubs")
    stubs.fail("register", 4)
    _, done = stubs.outcome(script.text, tmp_path, script.env)
    assert done.returncode == 0, done.stderr
    assert "The gate rejected the candidate" in done.stdout
    output = tmp_path / "output"
    assert "registered" not in done.stdout.replace("is registered or deployed", "")
    assert not output.exists() or "registered" not in output.read_text()
    other = Stubs(tmp_path / "others")
    other.fail("register", 7)
    assert other.outcome(script.text, tmp_path, script.env)[1].returncode == 7


def test_the_shell_script_does_the_same(tmp_path: Path) -> None:
    stubs = Stubs(tmp_path / "stubs")
    made = stubs.run(f"bash {LIFECYCLE} all", tmp_path, {})
    assert [call[1] for call in made] == ["preprocess", "train", "evaluate", "register", "deploy", "smoketest"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for call in made:
            parse(call[1:])


def test_the_shell_of_every_step_is_sound(tmp_path: Path) -> None:
    from sys import executable

    files = [LIFECYCLE]
    for number, text in enumerate(sorted({script.text for script in _scripts()})):
        file = tmp_path / f"{number}.sh"
        file.write_text("#!/usr/bin/env bash\n" + text)
        files.append(file)
    done = subprocess.run(
        [Path(executable).with_name("shellcheck"), "--severity=warning", *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
