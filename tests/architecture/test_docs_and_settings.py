"""Documents do not drift from the program: every command parses, every setting is listed."""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from flowerops.cli.app import app
from flowerops.domain.params import GatePolicy
from flowerops.domain.verdict import Evaluation
from flowerops.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(?:sh|bash|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _command_lines() -> list[tuple[str, str]]:
    found = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for block in _FENCE.findall(path.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.strip().removeprefix("$ ").partition(" #")[0].partition(" > ")[0].strip()
                if command.startswith("flowerops "):
                    found.append((path.name, command))
    return found


def _leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The Click command that a command line names, and the arguments left for it."""
    import typer

    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize(("document", "command"), _command_lines())
def test_every_command_in_the_documents_parses(document: str, command: str) -> None:
    leaf, rest = _leaf(shlex.split(command)[1:])
    if rest == ["--help"]:
        return
    assert not hasattr(leaf, "commands"), f"{document}: {command}: no such command"
    leaf.make_context("flowerops", rest, resilient_parsing=False)


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


def test_the_schema_of_an_evaluation_is_the_documented_one() -> None:
    documented = json.loads((ROOT / "docs/evaluation.schema.json").read_text(encoding="utf-8"))
    assert documented == Evaluation.model_json_schema()


def test_every_threshold_of_the_gate_is_in_the_documented_section() -> None:
    text = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
    policy = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])["gate"]
    assert set(policy) == set(GatePolicy.model_fields)
    optional = {"min_recall_of", "max_latency_ms", "max_bundle_mb", "min_macro_f1_gain"}
    shown = GatePolicy.model_validate(policy).model_dump(exclude=optional)
    assert shown == GatePolicy().model_dump(exclude=optional)
