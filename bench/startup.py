"""How long a user waits for the first word, and for a completion: flowerops and mlflow, each in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.measure import compare, table

ROUNDS = 7


def _run(*command: str, env: dict[str, str] | None = None) -> Callable[[], None]:
    def way() -> None:
        subprocess.run([sys.executable, *command], check=True, capture_output=True, env={**os.environ, **(env or {})})

    return way


def _completing(line: str) -> Callable[[], None]:
    """What bash calls when somebody presses the tabulator behind a line."""
    words = str(len(line.split(" ")) - 1)
    env = {"_FLOWEROPS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": words}
    return _run("-m", "flowerops", env=env)


def measure() -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as scratch:
        return _measure(str(Path(scratch) / "home"))


def _measure(home: str) -> str:
    ways = {
        "flowerops --help": _run("-m", "flowerops", "--help"),
        "flowerops --version": _run("-m", "flowerops", "--version"),
        "completion of a command": _completing("flowerops da"),
        "completion of an option": _completing("flowerops train --da"),
        "completion of a dataset": _completing(f"flowerops data show --home {home} "),
        "flowerops config show": _run("-m", "flowerops", "config", "show"),
        "flowerops data list": _run("-m", "flowerops", "data", "list", "--home", home),
        "python -c pass (the limit)": _run("-c", "pass"),
        "mlflow --help": _run("-m", "mlflow", "--help"),
    }
    return table("Start-up", "calls", compare(ways, 1, ROUNDS), ROUNDS)
