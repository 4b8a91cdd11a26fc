"""MLflow's client, loaded without telemetry and chatter, which tells of its database's troubles in our words."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import os
from typing import Any

from flowerops.errors import ConflictError, DiskFullError, FlowerOpsError, UsageError
from flowerops.io.loading import loading


def load_mlflow() -> Any:
    """Import MLflow's client, and the store of a local ledger with it, without telemetry and chatter.

    Returns:
        The class of the client.

    Raises:
        UsageError: MLflow is not installed.
    """
    client = _load_client()
    with loading(), contextlib.suppress(ImportError):
        importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
    return client


def _load_client() -> Any:
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "true")
    try:
        with loading():
            from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise UsageError("MLflow is not installed", 'pip install "flowerops[local]" adds it.') from error
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # What goes wrong in the database is raised as well, and told by whoever catches it: here it would be a traceback.
    logging.getLogger("mlflow.store.db").setLevel(logging.CRITICAL)
    return MlflowClient


def open_client(uri: str) -> Any:
    """A client of MLflow at a tracking address, which is the models' address too.

    Raises:
        UsageError: MLflow is not installed.
    """
    make = _load_client()
    with loading():  # it imports what suits the address
        client = make(tracking_uri=uri, registry_uri=uri)
    return _PlainClient(client, uri)


class _PlainClient:
    """MLflow's client; that its database cannot be written is said in our words, not in those of SQLAlchemy."""

    def __init__(self, client: Any, uri: str) -> None:
        self._client = client
        self._database = uri.removeprefix("sqlite:///")

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        @functools.wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            try:
                return method(*arguments, **named)
            except Exception as error:
                explained = explain(str(error), self._database)
                if explained is None:
                    raise
                raise explained from error

        return call


def explain(said: str, database: str) -> FlowerOpsError | None:
    """What SQLite says of a file that cannot be written, or not now, as our error; None for anything else.

    Args:
        said: The text of what was raised.
        database: The file.
    """
    if "disk is full" in said:
        return DiskFullError(f"no room left on the disk for {database}", "Free some space.")
    if "readonly database" in said:
        return UsageError(f"not writable: {database}", "Mend its permissions, or choose another folder with --home.")
    if "database is locked" in said:
        return ConflictError(f"{database} is locked by another process", "Run again later.")
    return None
