"""Parses command lines of ours with the real command line, without running them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from flowerops.cli.app import app


def leaf(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command that a command line names, and the arguments left for it."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(command, "commands"):
        if rest and rest[0] in command.commands:
            command = command.commands[rest.pop(0)]
        elif hasattr(command, "default_command"):
            command = command.commands[command.default_command]
        else:
            break
    return command, rest


def parse(words: Sequence[str]) -> None:
    """Fail when `flowerops WORDS` would be refused as a command line."""
    command, rest = leaf(words)
    if rest in (["--help"], ["--version"]):
        return
    assert not hasattr(command, "commands"), f"flowerops {' '.join(words)}: no such command"
    command.make_context("flowerops", rest, resilient_parsing=False)
