"""Run the real command line in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def flowerops(*arguments: str | Path, cwd: Path, env: dict[str, str] | None = None) -> Outcome:
    """Run `python -m flowerops ARGUMENTS` in a folder, without the CI variables of the surrounding machine."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLOWEROPS_", "BUILD_", "SYSTEM_", "GITHUB_", "MLFLOW_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "flowerops", *map(str, arguments)],
        cwd=cwd,
        env={**clean, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
