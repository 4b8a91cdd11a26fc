from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from flowerops.cli.app import app
from flowerops.cli.help import laid_out


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")


def shown(*words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0, done.output
    return done.output


def test_examples_are_a_line_each_and_paragraphs_flow():
    epilog = "Examples:\n\n  flowerops a\n\n  flowerops b\n\nOne paragraph\nin two lines.\n\nAnother."
    assert laid_out(epilog) == (
        "Examples:\n[dim]  [/]flowerops a\n[dim]  [/]flowerops b\n\nOne paragraph in two lines.\n\nAnother."
    )
    assert laid_out("") == ""


def test_the_headings_come_in_the_order_of_the_work():
    text = shown()
    headings = ["From photos to an endpoint", "Use a model", "Look back", "What there is", "Set up and maintain"]
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)


def test_values_have_plain_names_and_switches_have_none():
    text = shown("train")
    assert "<" not in text.replace("<=", "")
    assert "--epochs" in text
    assert "N [x>=1]" in text
    places = [text.index(heading) for heading in ("Training", "What the bundle gets", "Azure ML", "Common options")]
    assert places == sorted(places)


def test_arguments_are_named_as_the_text_below_names_them():
    assert "{SOURCE}" in shown("data", "import")


def test_a_folder_is_still_enough_for_init():
    command = typer.main.get_command(app).commands["init"]
    assert command.default_command == "project"
