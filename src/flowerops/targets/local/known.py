"""Names that a home knows, for the shell's completion: read in milliseconds, without MLflow, and never an error.

Whatever cannot be read (no home yet, a locked or damaged ledger, a later MLflow) gives no names: completion must not
write into a command line that somebody is typing.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

_NUMBERS, _TRACKING, _ENDPOINTS = "ledger.db", "mlflow.db", "endpoints"
"""As in `home.Home`, which takes longer to load than all of this; a test compares them."""
_BUSY_TIMEOUT_S = 0.1
_MOST = 50
_DATASETS = """
SELECT name, version FROM versions
WHERE NOT EXISTS
    (SELECT 1 FROM tombstones WHERE tombstones.name = versions.name AND tombstones.version = versions.version)
ORDER BY position DESC"""
_MODELS = (
    "SELECT name, version FROM model_versions WHERE current_stage <> 'Deleted_Internal' ORDER BY creation_time DESC"
)
_RUNS = """
SELECT run_uuid, name FROM runs
WHERE lifecycle_stage = 'active' AND NOT EXISTS
    (SELECT 1 FROM tags WHERE tags.run_uuid = runs.run_uuid AND tags.key = 'mlflow.parentRunId')
ORDER BY start_time DESC LIMIT ?"""
_EXPERIMENTS = "SELECT name, '' FROM experiments WHERE lifecycle_stage = 'active' ORDER BY name"


def dataset_names(home: Path) -> list[str]:
    """Every dataset as NAME, and its versions as NAME:VERSION, the newest first."""
    return _versions(_rows(home / _NUMBERS, _DATASETS))


def model_names(home: Path) -> list[str]:
    """Every registered model as NAME, and its versions as NAME:VERSION, the newest first."""
    return _versions(_rows(home / _TRACKING, _MODELS))


def run_ids(home: Path) -> list[tuple[str, str]]:
    """The last pipeline runs by id, each with its name, the newest first."""
    return _rows(home / _TRACKING, _RUNS, _MOST)


def experiment_names(home: Path) -> list[str]:
    """All experiments."""
    return [name for name, _ in _rows(home / _TRACKING, _EXPERIMENTS)]


def served_names(home: Path) -> list[str]:
    """All endpoints."""
    with contextlib.suppress(OSError):
        return sorted(state.parent.name for state in (home / _ENDPOINTS).glob("*/state.json"))
    return []


def _versions(rows: list[tuple[str, str]]) -> list[str]:
    names = list(dict.fromkeys(name for name, _ in rows))
    return [*names, *(f"{name}:{version}" for name, version in rows)]


def _rows(database: Path, query: str, *values: int) -> list[tuple[str, str]]:
    if not database.is_file():
        return []
    uri = f"{database.absolute().as_uri()}?mode=ro"
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(uri, _BUSY_TIMEOUT_S, uri=True)) as connection,
    ):
        return [(str(first), str(second)) for first, second in connection.execute(query, values)]
    return []
