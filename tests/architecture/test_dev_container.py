"""Build agent, dev container and the editor's files: what they run exists, from hashed locks, and nobody is root."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.command_lines import parse

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "pipelines/agent/Dockerfile"
EDITOR_FILES = sorted([*(ROOT / ".devcontainer").glob("*.json"), *(ROOT / ".vscode").glob("*.json")])


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def _instructions() -> list[tuple[str, str]]:
    """Name and arguments of each instruction, continued lines joined."""
    text = "\n".join(line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    lines = [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def _shell_lines() -> Iterator[str]:
    yield _json(ROOT / ".devcontainer/devcontainer.json")["postCreateCommand"]
    yield from (task["command"] for task in _json(ROOT / ".vscode/tasks.json")["tasks"])
    yield from (rest for name, rest in _instructions() if name == "RUN")


def _commands() -> list[str]:
    return [part.strip() for line in _shell_lines() for part in re.split(r"&&|\|\||;", line)]


def test_the_editors_files_are_there_and_are_json() -> None:
    assert {path.name for path in EDITOR_FILES} >= {"devcontainer.json", "launch.json", "tasks.json"}
    for path in EDITOR_FILES:
        assert _json(path)


def test_git_lets_them_in() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8")
    assert ".vscode" not in ignored
    assert ".devcontainer" not in ignored


def test_every_command_of_ours_parses_and_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    seen = 0
    for command in _commands():
        words = shlex.split(command)
        if words[:1] == ["make"]:
            assert set(words[1:]) <= targets, command
            seen += 1
        elif "flowerops" in words and words[0] in ("flowerops", "python"):
            parse(words[words.index("flowerops") + 1 :])
            seen += 1
    assert seen >= 8


@pytest.mark.parametrize("entry", _json(ROOT / ".vscode/launch.json")["configurations"], ids=lambda one: one["name"])
def test_a_configuration_of_the_debugger_starts_what_exists(entry: dict[str, Any]) -> None:
    assert entry["type"] == "debugpy"
    if entry["request"] == "attach":
        assert entry["connect"]["host"] == "127.0.0.1"
        return
    if entry["module"] == "flowerops" and isinstance(entry["args"], list):
        parse([word.replace("${input:", "/tmp/").replace("}", "") for word in entry["args"]])
    if entry["module"] == "flowerops.serving.server":
        from flowerops.serving.server import _arguments

        assert _arguments(entry["args"]).port == 8899
    asked = set(re.findall(r"\$\{input:(\w+)\}", json.dumps(entry)))
    assert asked <= {one["id"] for one in _json(ROOT / ".vscode/launch.json")["inputs"]}


def test_the_page_on_debugging_names_the_configurations() -> None:
    page = (ROOT / "docs/how-to/debug.md").read_text(encoding="utf-8")
    for entry in _json(ROOT / ".vscode/launch.json")["configurations"]:
        assert f"| {entry['name']} |" in page


def test_the_dev_container_is_a_stage_of_the_agents_image_and_not_root() -> None:
    container = _json(ROOT / ".devcontainer/devcontainer.json")
    build = container["build"]
    assert (ROOT / ".devcontainer" / build["dockerfile"]).resolve() == DOCKERFILE
    assert (ROOT / ".devcontainer" / build["context"]).resolve() == ROOT
    stages = [rest.rpartition(" AS ")[2] for name, rest in _instructions() if name == "FROM"]
    assert build["target"] in stages
    assert stages[-1] == "agent"
    assert container["remoteUser"] == "flower"


def test_no_stage_ends_as_root() -> None:
    users: dict[str, str] = {}
    stage = ""
    for name, rest in _instructions():
        if name == "FROM":
            base, _, stage = rest.partition(" AS ")
            users[stage] = users.get(base, "root")
        elif name == "USER":
            users[stage] = rest
    assert set(users.values()) == {"flower"}


def test_the_base_is_pinned_by_its_tag_and_says_how_to_pin_its_digest() -> None:
    bases = [rest for name, rest in _instructions() if name == "ARG" and rest.startswith("BASE_IMAGE=")]
    assert len(bases) == 1
    assert re.fullmatch(r"BASE_IMAGE=python:3\.\d+-slim-[a-z]+", bases[0])
    assert "@sha256:DIGEST" in DOCKERFILE.read_text(encoding="utf-8")
    named = [rest.partition(" ")[0] for name, rest in _instructions() if name == "FROM"]
    assert set(named) == {"${BASE_IMAGE}", "base"}


def test_every_package_comes_from_a_hashed_lock_and_nothing_from_elsewhere() -> None:
    installs = [command for command in _commands() if "pip install" in command]
    assert len(installs) == 4
    for command in installs:
        assert "--require-hashes" in command or {"--no-deps", "--no-build-isolation"} <= set(command.split()), command
    for _, rest in _instructions():
        assert not re.search(r"https?://|\bwget\b|curl -|npm install|ADD ", rest), rest
    assert "hatchling==" in (ROOT / "locks/dev.txt").read_text(encoding="utf-8")


def test_what_the_wheel_is_made_of_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {word for name, rest in _instructions() if name == "COPY" for word in rest.split()}
    assert set(wheel["force-include"]) <= copied | {"pipelines/azureml"}
    assert {project["project"]["readme"], *project["project"]["license-files"], "src", "pyproject.toml"} <= copied


def test_what_is_copied_exists_and_is_seen_by_the_build() -> None:
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    for name, rest in _instructions():
        if name == "COPY":
            *sources, _ = [word for word in rest.split() if not word.startswith("--")]
            for source in sources:
                assert (ROOT / source).exists(), source
                assert source.partition("/")[0] in allowed, source
