"""Documents do not drift from the program: every command parses, every setting is listed."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from flowerops.settings import PREFIX, Settings
from helpers.command_lines import parse
from helpers.stub_tools import DOCUMENT

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHELLS = ("", "sh", "bash", "console")


def _command_lines() -> list[tuple[str, str]]:
    found = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        fences = _FENCE.findall(path.read_text(encoding="utf-8"))
        for block in (text for language, text in fences if language in _SHELLS):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.strip().removeprefix("$ ").partition(" #")[0].partition(" > ")[0].strip()
                if command.startswith("flowerops "):
                    found.append((path.name, command))
    return found


def _commands_in_files() -> list[tuple[str, str]]:
    """Commands in Dockerfiles, dev containers, editor tasks and scripts, wherever such a file is."""
    skipped = {".venv", ".venv-serve", ".azurite", "node_modules", ".git"}
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in skipped]
        for name in names:
            path = Path(folder) / name
            place = str(path.relative_to(ROOT))
            if name.endswith("Dockerfile") or place.startswith((".devcontainer/", ".vscode/tasks", "pipelines/agent/")):
                text = path.read_text(encoding="utf-8").replace("\\\n", " ")
                lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", "//"))]
                found += [(place, one) for line in lines for one in _COMMAND.findall(line)]
    return found


_COMMAND = re.compile(r"(?:^|&&|;|\"|')\s*(?:RUN\s+)?(flowerops(?: [a-z-][\w ./:@=-]*)?)(?=$|&&|;|\"|'|\||>)")


@pytest.mark.parametrize(("document", "command"), [*_command_lines(), *_commands_in_files()])
def test_every_command_in_the_documents_parses(
    document: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)[1:]
    for word in words:
        if word.startswith("@"):  # what an earlier command printed
            place = tmp_path / word[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(DOCUMENT))
    if words:
        parse(words)


def test_the_readme_shows_commands() -> None:
    assert len([command for document, command in _command_lines() if document == "README.md"]) >= 8


def test_every_setting_is_in_the_example_file_and_nothing_else() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = {line[1:].partition("=")[0] for line in text.splitlines() if line.startswith(f"#{PREFIX}")}
    assert listed == {PREFIX + name.upper() for name in Settings.model_fields}


def test_the_example_file_names_the_predecessors_variables() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        for alias in field.validation_alias.choices[1:]:  # type: ignore[union-attr]
            assert str(alias) in text, f"{alias} of {name} is not mentioned"


def test_locks_are_hashed_and_name_no_index() -> None:
    for lock in (ROOT / "locks").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        pins = re.findall(r"^[a-z0-9][a-z0-9._-]*==", text, re.MULTILINE)
        assert len(pins) >= 1
        blocks = re.split(r"^(?=[a-z0-9][a-z0-9._-]*==)", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in block for block in blocks), lock.name
        assert "://" not in text, lock.name


def test_the_example_file_shows_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowerops.settings import load_settings

    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(text.replace(f"#{PREFIX}", PREFIX))
    (tmp_path / "empty").mkdir()
    assert load_settings({}, tmp_path) == load_settings({}, tmp_path / "empty")


def test_the_serving_lock_has_no_training_packages() -> None:
    text = (ROOT / "locks" / "serve.txt").read_text(encoding="utf-8")
    for package in ("tensorflow", "tensorflow-cpu", "keras", "mlflow", "scikit-learn", "pyarrow", "azure-core"):
        assert f"\n{package}==" not in text
    assert "\nai-edge-litert==" in text


def test_the_tests_that_the_page_on_reliability_names_are_there() -> None:
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:torture|unit|functional|architecture)/[a-z_/]+(?:\.py)?)`", text)
    assert len(named) >= 20
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
    torture = {path.name for path in (ROOT / "tests/torture").glob("test_*.py")}
    assert torture <= {Path(name).name for name in named}
