"""What `doctor` says of a home folder: its ledgers, its versions, what killed processes left, and what serves."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from flowerops.datasets.raw import version_folder
from flowerops.domain.doctor import Diagnosis, diagnosis, from_error, mendable
from flowerops.errors import FlowerOpsError
from flowerops.io.discard import discard, size_of
from flowerops.io.presence import alone, dead_writers
from flowerops.targets.local.deployments import LocalDeployments
from flowerops.targets.local.garbage import find_leftovers
from flowerops.targets.local.home import Home
from flowerops.targets.local.numbers import Numbers
from flowerops.targets.local.storage import LocalStorage

_MIGRATIONS = "store/db_migrations/versions"
_SHOWN = 3


def diagnose(home: Home, endpoints: LocalDeployments) -> list[Diagnosis]:
    """Look at a home that is there; changes nothing."""
    if not os.access(home.root, os.W_OK):
        to_do = "Mend its permissions, or choose another folder with --home."
        return [diagnosis("home", "problem", f"{home.root} cannot be written", to_do)]
    found: list[Diagnosis] = []
    for look in (_ledgers, _schema, _versions, _leftovers, _writers):
        try:
            found += look(home)
        except FlowerOpsError as error:
            found.append(from_error("home", error))
    if all(one.finding.verdict == "ok" for one in found):
        found.insert(0, diagnosis("home", "ok", f"{home.root} is whole; flowerops verify reads every byte"))
    return [*found, *_endpoints(endpoints)]


def _ledgers(home: Home) -> Iterator[Diagnosis]:
    for problem in LocalStorage(home).problems():
        to_do = "Restore the file from a backup; flowerops verify lists what else suffers."
        yield diagnosis("home", "problem", f"{problem.path} is damaged: {problem.got}", to_do)


def _schema(home: Home) -> Iterator[Diagnosis]:
    """A newer MLflow changes the ledger so that the pinned one refuses it; its migrations tell, without loading it."""
    spec = importlib.util.find_spec("mlflow")
    if not home.tracking.exists() or spec is None or spec.origin is None:
        return
    with contextlib.suppress(sqlite3.Error):  # told by `_ledgers`
        revision = _revision(home.tracking)
        known = Path(spec.origin).parent / _MIGRATIONS
        if revision and known.is_dir() and not any(known.glob(f"{revision}_*.py")):
            to_do = (
                "Restore it from a backup; never point another MLflow at it: mlflow 3.15.0 is what flowerops keeps to."
            )
            yield diagnosis(
                "home", "problem", f"{home.tracking} was changed by a newer MLflow", to_do, revision=revision
            )


def _revision(database: Path) -> str | None:
    with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _versions(home: Home) -> Iterator[Diagnosis]:
    for found in Numbers(home.numbers).all():
        folder = version_folder(home.root, found.name, found.digest)
        if not folder.is_dir():
            to_do = f"Restore it, or let it go: flowerops data rm {found.name}:{found.version}"
            yield diagnosis(
                "home", "problem", f"the folder of {found.name}:{found.version} is missing: {folder}", to_do
            )


def _leftovers(home: Home) -> Iterator[Diagnosis]:
    paths = find_leftovers(home)
    if paths:
        size = sum(map(size_of, paths)) / 1e6
        found = f"{len(paths)} temporary files and folders ({size:,.1f} MB), of killed processes or of running commands"
        shown = [str(path) for path in paths[:_SHOWN]]
        yield mendable("home", "note", found, "removes them when nothing runs", lambda: _discard(home), paths=shown)


def _discard(home: Home) -> str:
    with alone(home.locks):
        paths = find_leftovers(home)
        for path in paths:
            discard(path)
    return f"removed {len(paths)} temporary files and folders"


def _writers(home: Home) -> Iterator[Diagnosis]:
    dead = dead_writers(home.locks)
    if dead:
        found = f"{len(dead)} lock files of processes that were killed"
        yield mendable("home", "note", found, "removes them", lambda: _forget(home, len(dead)))


def _forget(home: Home, count: int) -> str:
    with alone(home.locks):  # removes them on its way
        return f"removed {count} lock files"


def _endpoints(endpoints: LocalDeployments) -> Iterator[Diagnosis]:
    try:
        found = endpoints.all()
    except FlowerOpsError as error:
        yield from_error("endpoint", error)
        return
    for endpoint in found:
        active = endpoint.deployment("active")
        if active is not None and active.status != "running":
            to_do = f"flowerops deploy --endpoint {endpoint.name} starts it again; deployments delete removes it."
            yield diagnosis("endpoint", "note", f"{endpoint.name} is {active.status}", to_do)
        elif active is not None:
            yield diagnosis("endpoint", "ok", f"{endpoint.name} serves {active.model.name}:{active.model.version}")
