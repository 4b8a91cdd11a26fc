"""Runs the script steps of an Azure DevOps pipeline here: templates, conditions and variables as the service has them.

What is left out is what a machine of the service does by itself: checking out, installing, and what a task other than a
shell script does. Publishing and downloading artifacts are copies of folders.

Source: Azure Pipelines "YAML schema reference", "Define variables", "Logging commands".
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from helpers.ci_expressions import evaluate, fill

_IF = re.compile(r"\$\{\{\s*(if|elseif|else)\b(.*)\}\}", re.DOTALL)
_MACRO = re.compile(r"\$\(([A-Za-z][\w.-]*)\)")
_LOGGING = re.compile(r"^##vso\[([\w.]+)(?: ([^\]]*))?\](.*)$", re.MULTILINE)
_TIMEOUT_S = 600


@dataclass
class Pipeline:
    """A pipeline with everything expanded that is expanded before it runs."""

    name: str
    variables: dict[str, str]
    groups: list[str]
    resources: dict[str, str]
    """Names of other pipelines by their aliases."""
    jobs: list[dict[str, Any]]
    document: dict[str, Any]

    def steps(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each job with each of its steps."""
        for job in self.jobs:
            steps = job.get("steps") or job["strategy"]["runOnce"]["deploy"]["steps"]
            for step in steps:
                yield job, step


def load(path: Path, parameters: Mapping[str, Any] | None = None, folder: Path | None = None) -> Pipeline:
    """Read a pipeline and expand its templates and expressions; `folder` is where it will lie, if not here."""
    folder = folder or path.parent
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    given = {one["name"]: one.get("default", "") for one in document.get("parameters", [])} | dict(parameters or {})
    variables, groups = _variables(document.get("variables", []), folder)
    names = {"variables": variables, "parameters": given}
    expanded = _expand({key: document[key] for key in ("jobs", "pool")}, names, folder)
    resources = {one["pipeline"]: one["source"] for one in document.get("resources", {}).get("pipelines", [])}
    return Pipeline(path.stem, variables, groups, resources, expanded["jobs"], document)


def script_of(step: Mapping[str, Any]) -> str | None:
    """What a step gives to the shell."""
    if "bash" in step:
        return str(step["bash"])
    if str(step.get("task", "")).startswith("AzureCLI@"):
        return str(step["inputs"]["inlineScript"])
    return None


def _variables(listed: Any, folder: Path) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    groups = []
    for one in listed if isinstance(listed, list) else [{"name": name, "value": listed[name]} for name in listed]:
        if "template" in one:
            inner = yaml.safe_load((folder / one["template"]).read_text(encoding="utf-8"))
            found |= _variables(inner["variables"], folder)[0]
        elif "group" in one:
            groups.append(one["group"])
        else:
            found[one["name"]] = str(one["value"])
    return found, groups


def _expand(node: Any, names: Mapping[str, Any], folder: Path) -> Any:
    if isinstance(node, str):
        return fill(node, names)
    if isinstance(node, list):
        return list(_expand_list(node, names, folder))
    if isinstance(node, dict):
        merged: dict[str, Any] = {}
        taken = False
        for key, value in node.items():
            chosen, taken = _chosen(key, names, taken)
            if chosen is None:
                merged[key] = _expand(value, names, folder)
            elif chosen:
                merged |= _expand(value, names, folder)
        return merged
    return node


def _expand_list(items: list[Any], names: Mapping[str, Any], folder: Path) -> Iterator[Any]:
    taken = False
    for item in items:
        key = next(iter(item)) if isinstance(item, dict) and len(item) == 1 else ""
        chosen, taken = _chosen(key, names, taken)
        if chosen is None and isinstance(item, dict) and "template" in item:
            yield from _template(item, names, folder)
        elif chosen is None:
            yield _expand(item, names, folder)
        elif chosen:
            yield from _expand(item[key], names, folder)


def _chosen(key: str, names: Mapping[str, Any], taken: bool) -> tuple[bool | None, bool]:
    """Whether a conditional key holds, None for any other; and whether one of its chain has held."""
    match = _IF.fullmatch(key.strip())
    if match is None:
        return None, False
    if match[1] == "if":
        holds = bool(evaluate(match[2], names))
        return holds, holds
    holds = not taken and (match[1] == "else" or bool(evaluate(match[2], names)))
    return holds, taken or holds


def _template(item: Mapping[str, Any], names: Mapping[str, Any], folder: Path) -> Iterator[Any]:
    path = folder / item["template"]
    template = yaml.safe_load(path.read_text(encoding="utf-8"))
    declared = {one["name"]: one.get("default") for one in template.get("parameters", [])}
    given = _expand(item.get("parameters", {}), names, folder)
    unknown = set(given) - set(declared)
    assert not unknown, f"{path.name} has no parameters {unknown}"
    missing = {name for name in declared if declared[name] is None and name not in given}
    assert not missing, f"{path.name} needs parameters {missing}"
    yield from _expand(template["steps"], {**names, "parameters": {**declared, **given}}, path.parent)


# --- running --------------------------------------------------------------------------------------------------------


@dataclass
class Ran:
    """What a run of a pipeline left behind."""

    result: str = "succeeded"
    tags: set[str] = field(default_factory=set)
    artifacts: dict[str, Path] = field(default_factory=dict)
    summaries: list[Path] = field(default_factory=list)
    tests: list[Path] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    log: str = ""


@dataclass
class Agent:
    """A machine that runs pipelines on a work tree.

    sources: the work tree. place: where everything else goes. env: of the shell, besides the pipelines' variables.
    commands: variables with which a command outside of the pipelines sees what they see.
    """

    sources: Path
    place: Path
    env: dict[str, str]
    commands: dict[str, str] = field(default_factory=dict)
    runs: dict[str, Ran] = field(default_factory=dict)

    def run(
        self,
        path: Path,
        build_id: str,
        reason: str = "Manual",
        *,
        group: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Ran:
        """Run a pipeline: its script steps, in order, under their conditions."""
        pipeline = load(path, parameters)
        ran = Ran()
        run = self.place / build_id
        variables = {**pipeline.variables, **(group or {}), **self._predefined(run, build_id, reason)}
        for job in pipeline.jobs:
            if evaluate(job.get("condition", "succeeded()"), {"variables": variables}):
                steps = job.get("steps") or job["strategy"]["runOnce"]["deploy"]["steps"]
                self._run_job(pipeline, steps, variables, run, ran)
        self.runs[pipeline.name] = ran
        return ran

    def _predefined(self, run: Path, build_id: str, reason: str) -> dict[str, str]:
        folders = {"Build.ArtifactStagingDirectory": run / "a", "Agent.TempDirectory": run / "temp"}
        folders |= {"Common.TestResultsDirectory": run / "TestResults", "Pipeline.Workspace": run}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        return {
            **{name: str(folder) for name, folder in folders.items()},
            "Agent.WorkFolder": str(self.place),
            "Build.SourcesDirectory": str(self.sources),
            "Build.BuildId": build_id,
            "Build.Reason": reason,
            "Build.SourceBranch": "refs/heads/main",
            "System.CollectionUri": "https://dev.azure.com/garden/",
            "System.TeamProject": "flowers",
        }

    def _run_job(
        self, pipeline: Pipeline, steps: list[dict[str, Any]], variables: dict[str, str], run: Path, ran: Ran
    ) -> None:
        for step in steps:
            condition = step.get("condition", "succeeded()")
            if not evaluate(condition, {"variables": variables}, ran.result):
                continue
            filled = _with_macros(step, variables)
            script = script_of(filled)
            if script is not None:
                if "requirements.txt" not in script:  # the environment of the tests is installed
                    self._shell(script, filled.get("env", {}), variables, ran)
            elif "publish" in filled:
                ran.artifacts[filled["artifact"]] = Path(filled["publish"])
                assert any(Path(filled["publish"]).iterdir()), f"artifact {filled['artifact']} is empty"
            elif filled.get("download", "none") != "none":
                source = self.runs[pipeline.resources[filled["download"]]].artifacts[filled["artifact"]]
                shutil.copytree(source, run / filled["download"] / filled["artifact"])
            elif "task" in filled:
                ran.tasks.append(f"{filled['task']} {filled['inputs'].get('command', '')}".strip())
                if "testResultsFiles" in filled["inputs"]:
                    ran.tests.append(Path(filled["inputs"]["testResultsFiles"]))

    def _shell(self, script: str, env: Mapping[str, str], variables: dict[str, str], ran: Ran) -> None:
        exported = {re.sub(r"[. ]", "_", name).upper(): value for name, value in variables.items()}
        exported = {name: str(_with_macros(value, variables)) for name, value in exported.items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-c", script],
            cwd=self.sources,
            env={**self.env, "TF_BUILD": "True", **exported, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
        )
        ran.log += f"$ {script}\n{done.stdout}{done.stderr}"
        for command, properties, value in _LOGGING.findall(done.stdout + done.stderr):
            _heed(command, dict(part.split("=", 1) for part in properties.split(";") if part), value, variables, ran)
        if done.returncode:
            ran.result = "failed"


def _heed(command: str, properties: dict[str, str], value: str, variables: dict[str, str], ran: Ran) -> None:
    """What a line of output asks of the service."""
    if command == "task.setvariable":
        variables[properties["variable"]] = value
    elif command == "build.addbuildtag":
        ran.tags.add(value)
    elif command == "task.uploadsummary":
        ran.summaries.append(Path(value))
    else:
        assert command in {"task.logissue", "task.complete", "task.prependpath"}, command


def _with_macros(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _with_macros(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_macros(one, variables) for one in node]
    if not isinstance(node, str):
        return node
    known = {name.lower(): value for name, value in variables.items()}
    return _MACRO.sub(lambda found: _nested(found, known), node)


def _nested(found: re.Match[str], known: Mapping[str, str]) -> str:
    value = known.get(found[1].lower())
    return found[0] if value is None else _MACRO.sub(lambda inner: known.get(inner[1].lower(), inner[0]), value)
