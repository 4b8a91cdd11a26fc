"""The script steps of GitHub's workflows and of GitLab's jobs, with the variables that each of them sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from helpers.ci_expressions import fill


@dataclass(frozen=True)
class Script:
    """where: file, job and step. env: all variables besides the shell's own."""

    where: str
    text: str
    env: Mapping[str, str]


class _GitlabLoader(yaml.SafeLoader):
    """Reads `!reference [job, key]` as a list with that mark in front."""


_GitlabLoader.add_constructor("!reference", lambda loader, node: ["!reference", *loader.construct_sequence(node)])


def read_gitlab(path: Path) -> dict[str, Any]:
    """GitLab's file as it is."""
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _GitlabLoader)
    return document


def github_scripts(path: Path, variables: Mapping[str, str], inputs: Mapping[str, str]) -> Iterator[Script]:
    """Every `run` of a workflow.

    Args:
        path: The workflow.
        variables: The repository's, `vars`.
        inputs: Of the workflow.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    github = {"event_name": "push", "ref": "refs/heads/main", "run_id": "815", "token": "t"}
    names = {"vars": variables, "inputs": inputs, "github": github, "steps": {}, "needs": {}}
    predefined = {"GITHUB_RUN_ID": "815", "GITHUB_STEP_SUMMARY": "summary", "GITHUB_OUTPUT": "output"}
    predefined |= {"GITHUB_PATH": "path", "RUNNER_TEMP": "temp"}
    for job, body in document["jobs"].items():
        for number, step in enumerate(body.get("steps", [])):
            if "run" in step:
                env = {**document.get("env", {}), **body.get("env", {}), **step.get("env", {})}
                filled = {name: str(fill(str(value), names)) for name, value in env.items()}
                assert "${{" not in step["run"], (
                    f"{path.name}, {job}: an expression in a script can be made to run code"
                )
                yield Script(f"{path.name}, {job}, step {number}", step["run"], {**predefined, **filled})


def gitlab_scripts(path: Path, variables: Mapping[str, str]) -> Iterator[Script]:
    """Every job's commands with those before them, but without the installation."""
    document = read_gitlab(path)
    for job, body in document.items():
        if "script" not in body:
            continue
        base = document.get(body.get("extends"), {})
        before = body.get("before_script", base.get("before_script", document["default"]["before_script"]))
        lines: list[str] = []
        for line in [*before, *body["script"]]:
            lines += document[line[1]][line[2]] if isinstance(line, list) else [line]
        kept = [line for line in lines if "venv" not in line and "pip" not in line and "export PATH" not in line]
        tokens = dict.fromkeys(base.get("id_tokens", {}), "token")
        yield Script(f"{path.name}, {job}", "\n".join(kept), {**document["variables"], **variables, **tokens})
