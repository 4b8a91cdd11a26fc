"""Run the real command line in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers import warm_start

_TIMEOUT_S = 240


@dataclass(frozen=True)
class Outcome:
    """Exit code and both streams of a finished command."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout; anything else there fails the test."""
        document: dict[str, Any] = json.loads(self.stdout)
        assert document["schema_version"] == 1
        return document


def command_line(*arguments: str | Path) -> list[str]:
    """`python -m flowerops ARGUMENTS`."""
    return [sys.executable, "-m", "flowerops", *map(str, arguments)]


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without the CI variables of the surrounding machine, and some more."""
    ours = ("FLOWEROPS_", "BUILD_", "SYSTEM_", "GITHUB_", "GITLAB_", "CI_", "MLFLOW_", "TF_BUILD")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def flowerops(
    *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None, wrapper: Sequence[str] = ()
) -> Outcome:
    """Run `python -m flowerops ARGUMENTS` in a folder; see `warm_start` for how it is started.

    Args:
        arguments: The command's own.
        cwd: Where it runs.
        env: Variables on top of `clean_environment`.
        wrapper: A command line that the command is appended to, and that gives its exit code back.
    """
    if not wrapper and warm_start.suits(env or {}):
        code, out, err = warm_start.run(
            [str(one) for one in arguments], cwd, clean_environment(**(env or {})), _TIMEOUT_S
        )
        return Outcome(code, *(stream.decode("utf-8", "surrogateescape") for stream in (out, err)))
    done = subprocess.run(
        [*wrapper, *command_line(*arguments)],
        cwd=cwd,
        env=clean_environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=_TIMEOUT_S,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
