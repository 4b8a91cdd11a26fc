"""One thin file a verb: parse, call a service, render the result.

The modules are loaded when they are needed: of `flowerops data list` only `data`, which halves the time to the first
word. Whatever cannot be told from the command line (help, completion of a command's name, a misspelt one) loads all.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

_FIRST_WORDS = frozenset(
    {
        "config",
        "data",
        "demo",
        "deploy",
        "deployments",
        "doctor",
        "drift",
        "evaluate",
        "explain",
        "gc",
        "init",
        "lineage",
        "models",
        "package",
        "pipelines",
        "predict",
        "preprocess",
        "register",
        "reproduce",
        "run",
        "runs",
        "score",
        "smoketest",
        "train",
        "ui",
        "verify",
    }
)
"""Modules that are named as the command or group that they add. Others are loaded at once."""


class _Verb:
    """A module that is loaded when its command is asked for, or anything else of it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def add_to(self, app: Any) -> None:
        """Add the command, unless the command line asks for another one."""
        if _asked_for() in (None, self._name):
            self._module().add_to(app)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._module(), attribute)

    def _module(self) -> Any:
        return importlib.import_module(f"{__name__}.{self._name}")


def __getattr__(name: str) -> _Verb:
    if name in _FIRST_WORDS:
        return _Verb(name)
    raise AttributeError(name)


def _asked_for() -> str | None:
    """The command that this process was started for: empty for none, None where all may be needed."""
    words = _typed()
    if words == ["--version"]:
        return ""
    return words[0] if words and words[0] in _FIRST_WORDS else None


def lists_only() -> bool:
    """Whether this process will show the list of commands and end, which needs none of their options."""
    return _is_program() and "_FLOWEROPS_COMPLETE" not in os.environ and sys.argv[1:] in ([], ["--help"])


def _typed() -> list[str]:
    """The words behind the program's name: of this process, or, when a shell asks to complete, in front of the last."""
    if "_FLOWEROPS_COMPLETE" in os.environ:
        line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
        return re.split(r"\s", line)[1:-1]  # bash puts new lines between the words
    return sys.argv[1:] if _is_program() else []


def _is_program() -> bool:
    program = Path(sys.argv[0])
    return program.stem == "flowerops" or (program.name, program.parent.name) == ("__main__.py", "flowerops")
