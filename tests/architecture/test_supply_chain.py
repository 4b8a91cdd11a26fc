"""Torture case 35: pipelines pin what they run, sign in without secrets, and push nothing for a pull request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
WORKFLOWS = sorted((PIPELINES / "github").rglob("*.yml"))
AZURE = sorted((PIPELINES / "azure-devops").rglob("*.yml"))
WRITTEN = [*WORKFLOWS, *AZURE, PIPELINES / "gitlab/.gitlab-ci.yml", PIPELINES / "shell/lifecycle.sh"]
_SECRET = re.compile(
    r"client.?secret|secrets\.|password|account.?key|connection.?string|\bSAS\b|BEGIN [A-Z ]*PRIVATE KEY", re.IGNORECASE
)


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _document(path).get("jobs", {}).items()


def test_actions_are_pinned_by_commit_and_say_which_version_that_is() -> None:
    found = 0
    for path in WORKFLOWS:
        for used in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8")):
            if not used.startswith("./"):
                assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), f"{path.name}: {used}"
                found += 1
    assert found >= 20


def test_one_version_of_each_action() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w.-]+/[\w./-]+)@(.*)", text))
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_no_pipeline_holds_or_asks_for_a_secret(path: Path) -> None:
    lines = [line.partition("#")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if _SECRET.search(line)] == []


def test_github_signs_in_by_openid_connect() -> None:
    action = (PIPELINES / "github/actions/flowerops/action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"^        (client-id|tenant-id|subscription-id|creds):", action, re.MULTILINE)) == {
        "client-id",
        "tenant-id",
        "subscription-id",
    }


def test_workflows_have_no_right_but_those_that_a_job_names() -> None:
    allowed = {"contents": {"read"}, "id-token": {"write"}, "actions": {"read"}}
    for path in WORKFLOWS:
        document = _document(path)
        if "jobs" not in document:
            continue
        assert document["permissions"] == {}, path.name
        for name, job in document["jobs"].items():
            assert job["permissions"].items() <= {
                (right, level) for right, levels in allowed.items() for level in levels
            }, f"{path.name}: {name}"


def test_who_does_not_sign_in_gets_no_token() -> None:
    for path in WORKFLOWS:
        for name, job in _jobs(path):
            if "steps" in job and "client-id" not in json.dumps(job):
                assert "id-token" not in job["permissions"], f"{path.name}: {name}"


def test_checkouts_leave_no_token_behind() -> None:
    for path in [*WORKFLOWS, *AZURE]:
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(r"uses: actions/checkout@|checkout: self", text)) == len(
            re.findall(r"persist-?[cC]redentials: false", text)
        ), path.name


def test_azure_devops_signs_in_by_service_connections_alone() -> None:
    for path in AZURE:
        for connection in re.findall(r"(?:azureSubscription|containerRegistry): (.*)", path.read_text()):
            assert re.fullmatch(r"\$\{\{ variables\.(WORKSPACE|ACR)_SVC_CONNECTION \}\}", connection), path.name


def test_pull_requests_push_no_image_and_sign_in_nowhere() -> None:
    for path in WORKFLOWS:
        triggers = _document(path).get(True, {})
        if "pull_request" in triggers:
            for name, job in _jobs(path):
                if "github.event_name == 'push'" not in job.get("if", ""):
                    text = json.dumps(job)
                    assert "docker push" not in text, f"{path.name}: {name}"
                    assert "client-id" not in text, f"{path.name}: {name}"
        assert "pull_request_target" not in triggers
        assert "workflow_run" not in triggers
    for path in AZURE:
        for block in path.read_text(encoding="utf-8").split("- task: ")[1:]:
            if "command: push" in block:
                assert "ne(variables['Build.Reason'], 'PullRequest')" in block, path.name
    pull_request = (PIPELINES / "azure-devops/01-pull-request.yml").read_text()
    assert "AzureCLI" not in pull_request
    assert "group:" not in pull_request


def test_nothing_from_outside_is_pasted_into_a_script() -> None:
    """A title or the name of a branch could run code; variables of the environment cannot."""
    for path in WORKFLOWS:
        for name, job in _jobs(path):
            for step in job.get("steps", []):
                assert "${{" not in step.get("run", ""), f"{path.name}: {name}"
    for path in AZURE:
        for script in _azure_scripts(_document(path)):
            assert "${{ parameters." not in script.replace("${{ parameters.script }}", ""), path.name
            assert "$(" not in re.sub(r"\$\(\(?[a-z]", "", script), f"{path.name}: a macro is pasted in, too"


def _azure_scripts(node: Any) -> Iterator[str]:
    """Every text that goes to a shell."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"bash", "script", "inlineScript"} and isinstance(value, str):
                yield value
            yield from _azure_scripts(value)
    elif isinstance(node, list):
        for one in node:
            yield from _azure_scripts(one)
