"""The ledger: runs and models at one tracking address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowerops.tracking.client import open_client
from flowerops.tracking.database import open_database, sqlite_uri
from flowerops.tracking.models import Models
from flowerops.tracking.runs import Runs


class Ledger(Runs, Models):
    """Runs and models at one tracking address."""

    def __init__(self, uri: str, client: Any = None) -> None:
        """uri: MLflow's tracking address. client: a client that is open there already.

        Raises:
            UsageError: MLflow is not installed.
        """
        self.uri = uri
        self._client = client or open_client(uri)

    @classmethod
    def open_sqlite(cls, database: Path) -> Ledger:
        """Open (or make) the ledger in a SQLite file; raises as `database.open_database` does."""
        return cls(sqlite_uri(database), open_database(database))
