"""How long a user waits for the first word: `--help` of flowerops and of mlflow, each in a fresh process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.measure import compare, table

ROUNDS = 7


def _run(*command: str) -> Callable[[], None]:
    def way() -> None:
        subprocess.run([sys.executable, *command], check=True, capture_output=True)

    return way


def measure() -> str:
    """The table."""
    with tempfile.TemporaryDirectory() as scratch:
        return _measure(str(Path(scratch) / "home"))


def _measure(home: str) -> str:
    ways = {
        "flowerops --help": _run("-m", "flowerops", "--help"),
        "flowerops --version": _run("-m", "flowerops", "--version"),
        "flowerops data list": _run("-m", "flowerops", "data", "list", "--home", home),
        "python -c pass (the limit)": _run("-c", "pass"),
        "mlflow --help": _run("-m", "mlflow", "--help"),
    }
    return table("Start-up", "calls", compare(ways, 1, ROUNDS), ROUNDS)
