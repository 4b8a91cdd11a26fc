"""Every command's help has examples, and they are command lines that work."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from flowerops.cli.app import app

_EXAMPLE = re.compile(r"^ +(flowerops .*?)\s*$", re.MULTILINE)
ROOT_COMMAND = typer.main.get_command(app)


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, inner in command.commands.items():
        if inner.hidden:
            continue
        if hasattr(inner, "commands"):
            yield from _leaves(inner, (*path, name))
        else:
            yield " ".join((*path, name)), inner


LEAVES = dict(_leaves(ROOT_COMMAND))


def _resolved(words: list[str]) -> tuple[str, Any, list[str]]:
    command, path = ROOT_COMMAND, []
    while words and hasattr(command, "commands") and words[0] in command.commands:
        path.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    default = getattr(command, "default_command", None)
    if default and (not words or words[0] not in command.commands):
        path.append(default)
        command = command.commands[default]
    return " ".join(path), command, words


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_has_examples_that_parse(name: str) -> None:
    examples = _EXAMPLE.findall(LEAVES[name].epilog or "")
    paths = []
    for example in examples:
        shown = example.partition(" #")[0].partition(" | ")[0].partition(" > ")[0]
        path, command, rest = _resolved(shlex.split(shown)[1:])
        assert path in LEAVES, f"{name}: {example}"
        paths.append(path)
        command.make_context("flowerops", rest, resilient_parsing=False)
    assert name in paths, f"{name}: no example of it in its epilog"


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_and_its_options_say_what_they_do(name: str) -> None:
    command = LEAVES[name]
    assert (command.help or "").strip().partition("\n")[0].endswith((".", "?", ")"))
    silent = [one.name for one in command.params if not one.hidden and not getattr(one, "help", None)]
    assert silent == [], f"{name}: no help for {silent}"


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_takes_json(name: str) -> None:
    assert "--json" in {option for one in LEAVES[name].params for option in one.opts}


def test_a_misspelt_command_or_option_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    from flowerops.cli.app import run

    for words, meant in ((["trian"], "'train'"), (["data", "lst"], "'list'"), (["train", "--epoch", "3"], "--epochs")):
        assert run(words) == 2
        said = capsys.readouterr().err
        assert f"Did you mean {meant}" in said
        assert len(said.strip().splitlines()) <= 2
